// Asks before a run is cancelled, and shows what is known of the outcome: no more and no less.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Run } from '../api/types';
import type { Cancel } from '../state/cancel';
import { Dialog, ErrorNote, Time } from './parts';
import { bytesOf, MOST_REASON, ReasonField } from './reason_field';

export function CancelDialog({ run, cancel, onClose }: {
  run: Run; cancel: Cancel; onClose(): void;
}): JSX.Element {
  const [reason, setReason] = useState('');
  const state = cancel.state.value;
  const isAsking = state.name === 'asking';
  return (
    <Dialog title="Cancel this run" onClose={onClose}>
      <p><code>{run.id}</code> · {run.workflowId}</p>
      {isAsking && (
        <form onSubmit={(event) => {
          event.preventDefault();
          void cancel.send(reason.trim());
        }}>
          <p>It is cancelled for good: its executor is told to stop, and no other status can follow.</p>
          <ReasonField value={reason} onInput={setReason} />
          <div class="row">
            <button type="submit" class="danger main" disabled={bytesOf(reason.trim()) > MOST_REASON}>Cancel the run</button>
            <button type="button" onClick={onClose}>Back</button>
          </div>
        </form>
      )}
      {state.name === 'sending' && (
        <p role="status">
          {state.tries === 1 ? 'Cancelling …' : `What became of it is not known yet; asking again (${state.tries}) …`}
        </p>
      )}
      {state.name === 'cancelled' && (
        <p class="note good" role="status">
          Cancelled{state.run.finishedAt !== undefined && <> at <Time at={state.run.finishedAt} isStill /></>}.
        </p>
      )}
      {state.name === 'conflict' && (
        <ErrorNote error={state.error}>
          <p>
            Nothing was changed by you.
            {state.error.metadata['status'] !== undefined && <> It is <strong>{state.error.metadata['status']}</strong></>}
            {state.error.metadata['finishedAt'] !== undefined && <> since <Time at={state.error.metadata['finishedAt']} isStill /></>}
            {state.error.metadata['actor'] !== undefined && <>, by {state.error.metadata['actor']}</>}
          </p>
        </ErrorNote>
      )}
      {state.name === 'refused' && <ErrorNote error={state.error}><p>Nothing was changed.</p></ErrorNote>}
      {state.name === 'unknown' && (
        <ErrorNote error={state.error}>
          <p>
            Whether the run was cancelled is <strong>not known</strong>. Ask again: it is the same request, and is
            carried out once at most.
          </p>
        </ErrorNote>
      )}
      {!isAsking && (
        <div class="row">
          {(state.name === 'unknown' || state.name === 'refused') && (
            <button type="button" class="main" onClick={() => void cancel.again()}>Ask again</button>
          )}
          <button type="button" onClick={onClose}>Close</button>
        </div>
      )}
    </Dialog>
  );
}
