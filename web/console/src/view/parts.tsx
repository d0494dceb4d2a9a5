// Small parts that all views use.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { FeedState } from '../api/feed';
import type { ApiError } from '../api/http';
import { printJson, type Json } from '../api/json';
import type { Status } from '../api/types';
import { runHref } from '../route';
import { isUtc, now } from '../state/clock';
import { absolute, relative } from '../time';

const MARKS: Record<Status, string> = {
  running: '▶', waiting: '…', success: '✓', failure: '✕', cancelled: '⊘',
};

/** A status: never by its colour alone. */
export function StatusBadge({ status }: { status: Status }): JSX.Element {
  return (
    <span class={`status ${status}`}>
      <span aria-hidden="true">{MARKS[status]}</span> {status}
    </span>
  );
}

/** An instant, relative to now and absolute; still, where a reader of the screen would tell each change. */
export function Time({ at, isShort = false, isStill = false }: {
  at: string; isShort?: boolean; isStill?: boolean;
}): JSX.Element {
  const whole = absolute(at, isUtc.value);
  const since = isStill ? '' : relative(at, now.value);
  return (
    <time dateTime={at} title={isShort ? whole : at}>
      {isStill ? whole : isShort ? since : `${whole} (${since})`}
    </time>
  );
}

const FEED_WORDS: Record<FeedState, [string, string]> = {
  connecting: ['Connecting', 'Nothing has been heard of the server’s feed yet.'],
  live: ['Live', 'What is shown is what the server has.'],
  behind: ['Behind', 'Changes have happened that are not shown yet; they are being read.'],
  lost: ['Not live', 'The server’s feed has broken off and is being opened again: what is shown may be old.'],
  polling: ['Every 3 s', 'No feed comes through, a proxy may keep it: the server is asked every 3 seconds.'],
};

/** How far what is shown may be trusted to be current. */
export function FeedBadge({ state }: { state: FeedState }): JSX.Element {
  const [word, sentence] = FEED_WORDS[state];
  return (
    <span class={`feed ${state}`} role="status" title={sentence}>
      <span aria-hidden="true" class="dot" />
      {word}
      <span class="hidden">: {sentence}</span>
    </span>
  );
}

/** An error, as what it is. */
export function ErrorNote({ error, children }: {
  error: ApiError; children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="note bad" role="alert">
      <p>{error.message}</p>
      {children}
      {(error.reason !== '' || error.requestId !== '') && (
        <p class="small">
          {error.status > 0 && `HTTP ${error.status} `}{error.reason}
          {error.requestId !== '' && <> · request <code>{error.requestId}</code></>}
        </p>
      )}
    </div>
  );
}

/** A run's id that leads to its page. */
export function RunLink({ id }: { id: string }): JSX.Element {
  return <a class="id" href={runHref(id)}>{id}</a>;
}

const LONG = 20000;

/** JSON as it was given. Long ones are cut until the rest is asked for. */
export function JsonView({ value, label }: { value: Json | undefined; label: string }): JSX.Element {
  const [isWhole, setWhole] = useState(false);
  if (value === undefined || value === null) return <p class="quiet">None.</p>;
  const text = printJson(value);
  const isCut = !isWhole && text.length > LONG;
  return (
    <>
      <pre class="json" tabIndex={0} role="group" aria-label={`${label}, as JSON`}>
        {isCut ? `${text.slice(0, LONG)} …` : text}
      </pre>
      {isCut && (
        <button type="button" onClick={() => setWhole(true)}>
          Show all {text.length.toLocaleString('en')} characters
        </button>
      )}
    </>
  );
}

/** A dialog that is open as long as it is there. */
export function Dialog({ title, onClose, children }: {
  title: string; onClose(): void; children: ComponentChildren;
}): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog ref={ref} aria-labelledby="dialog-title" onClose={onClose}
      onCancel={(event) => { event.preventDefault(); onClose(); }}>
      <h2 id="dialog-title">{title}</h2>
      {children}
    </dialog>
  );
}
