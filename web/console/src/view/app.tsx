// The frame: who is signed in, where one can go, and the view of where one is.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { route, runsHref } from '../route';
import { isUtc, theme, type Theme } from '../state/clock';
import { caller, may, session, signOut } from '../state/session';
import { BulkList, BulkPage } from './bulk';
import { Executors } from './executors';
import { Run } from './run';
import { Runs } from './runs';
import { SignIn } from './sign_in';
import { TokenPage } from './token';

const THEMES: readonly Theme[] = ['auto', 'light', 'dark'];

export function App(): JSX.Element {
  const state = session.value;
  if (state.state === 'checking') {
    return <main class="alone"><p role="status">Signing in …</p></main>;
  }
  if (state.state === 'out') return <SignIn message={state.message} />;
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => {
        event.preventDefault(); // the fragment is the route
        document.getElementById('main')?.focus();
      }}>Skip to the content</a>
      <Header />
      <Main />
    </>
  );
}

function Header(): JSX.Element {
  const place = route.value.name;
  const current = (is: boolean): 'page' | undefined => (is ? 'page' : undefined);
  return (
    <header class="bar">
      <nav aria-label="Main">
        <a href={runsHref()} aria-current={current(place === 'runs' || place === 'run')}>Runs</a>
        {may('runs.cancel') && (
          <a href="#/bulk" aria-current={current(place === 'bulk' || place === 'bulks')}>Bulk cancels</a>
        )}
        {may('runs.read') && (
          <a href="#/executors" aria-current={current(place === 'executors')}>Executors</a>
        )}
        <a href="docs">API</a>
      </nav>
      <div class="tools">
        <a href="#/token" aria-current={current(place === 'token')} title="What this token may do">
          {caller.value?.organizationId} / {caller.value?.name}
        </a>
        <button type="button" aria-pressed={isUtc.value} onClick={() => { isUtc.value = !isUtc.value; }}
          title="Whether times are written in UTC or as this machine has them">
          {isUtc.value ? 'UTC' : 'Local'}
        </button>
        <label>
          <span class="hidden">Colours</span>
          <select value={theme.value}
            onChange={(event) => { theme.value = event.currentTarget.value as Theme; }}>
            {THEMES.map((name) => <option key={name} value={name}>{name}</option>)}
          </select>
        </label>
        <button type="button" onClick={() => signOut()}>Sign out</button>
      </div>
    </header>
  );
}

function Main(): JSX.Element {
  const ref = useRef<HTMLElement>(null);
  const at = route.value;
  const key = at.name === 'run' || at.name === 'bulk' ? `${at.name} ${at.id}` : at.name;
  const isFirst = useRef(true);
  useEffect(() => {
    // A reader of the screen hears where a link has led.
    if (!isFirst.current) ref.current?.focus();
    isFirst.current = false;
  }, [key]);
  return <main id="main" tabIndex={-1} ref={ref} key={key}><View /></main>;
}

function View(): JSX.Element {
  const at = route.value;
  if (at.name === 'token') return <TokenPage />;
  if (at.name === 'unknown') {
    return <p class="note">There is no such page. <a href={runsHref()}>Go to the runs.</a></p>;
  }
  if (at.name === 'bulks' || at.name === 'bulk') {
    if (!may('runs.cancel')) return <Missing scope="runs.cancel" />;
    return at.name === 'bulk' ? <BulkPage id={at.id} /> : <BulkList />;
  }
  if (!may('runs.read')) return <Missing scope="runs.read" />;
  if (at.name === 'executors') return <Executors />;
  return at.name === 'run' ? <Run id={at.id} /> : <Runs filter={at.filter} />;
}

function Missing({ scope }: { scope: string }): JSX.Element {
  return (
    <p class="note">
      This token has not the scope <code>{scope}</code>, which this page needs.{' '}
      <a href="#/token">What it may do</a>
    </p>
  );
}
