// Where a token is entered.
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { signIn } from '../state/session';
import { useTitle } from './hooks';

export function SignIn({ message }: { message: string }): JSX.Element {
  const [text, setText] = useState('');
  const [isShown, setShown] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useTitle('Sign in');
  useEffect(() => field.current?.focus(), []);
  return (
    <main class="alone">
      <h1>Runs</h1>
      <form onSubmit={(event) => {
        event.preventDefault();
        void signIn(text);
      }}>
        <label for="token">Token</label>
        <div class="row">
          <input id="token" ref={field} {...(isShown ? { type: 'text' } : { type: 'password' })} autocomplete="off"
            spellcheck={false} required value={text} aria-describedby="token-help"
            aria-invalid={message !== '' ? 'true' : undefined}
            onInput={(event) => setText(event.currentTarget.value)} />
          <button type="button" aria-pressed={isShown} onClick={() => setShown(!isShown)}>Show</button>
        </div>
        {message !== '' && <p class="note bad" role="alert">{message}</p>}
        <button type="submit" class="main">Sign in</button>
        <p id="token-help" class="small">
          It is kept in this tab alone, until you sign out or close it. Operators make one with{' '}
          <code>runsctl tokens create</code>; <code>script/run</code> prints that of the demo.
        </p>
      </form>
    </main>
  );
}
