// Asks before several runs are cancelled: how many they are, and which, is known first.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { BulkRequest } from '../api/calls';
import { numberOf } from '../api/types';
import { BulkPlan } from '../state/bulk';
import { useModel } from './hooks';
import { Dialog, ErrorNote, RunLink } from './parts';
import { bytesOf, MOST_REASON, ReasonField } from './reason_field';

const SHOWN = 10;

export function BulkDialog({ request, onClose, onStarted }: {
  request: BulkRequest; onClose(): void; onStarted(id: string): void;
}): JSX.Element {
  const [cascade, setCascade] = useState(false);
  const [reason, setReason] = useState('');
  const plan = useModel(() => new BulkPlan({ ...request, ...(cascade ? { cascade } : {}) }), String(cascade));
  const found = plan.plan.value;
  const error = plan.error.value;
  const open = numberOf(found?.open);
  const isReady = found?.state === 'planned' && open > 0 && !plan.isSending.value;
  const sample = found?.sample ?? [];
  return (
    <Dialog title="Cancel several runs" onClose={onClose}>
      <form onSubmit={(event) => {
        event.preventDefault();
        void plan.execute(reason.trim()).then((id) => { if (id !== null) onStarted(id); });
      }}>
        <p role="status">
          {found === null || found.state === 'planning' ? `Looking which runs they are … ${numberOf(found?.total)} so far`
            : open === 0 ? 'None of them can be cancelled: they are over, or do not exist.'
              : `${open.toLocaleString('en')} runs will be cancelled.`}
        </p>
        {found !== null && numberOf(found.alreadyFinal) + numberOf(found.notFound) > 0 && (
          <p>{String(found.alreadyFinal)} are over already, {String(found.notFound)} do not exist.</p>
        )}
        {sample.length > 0 && (
          <ul class="sample" aria-label="The first of them">
            {sample.slice(0, SHOWN).map((id) => <li key={id}><RunLink id={id} /></li>)}
            {open > SHOWN && <li>and {(open - SHOWN).toLocaleString('en')} more</li>}
          </ul>
        )}
        <label class="check">
          <input type="checkbox" checked={cascade} disabled={plan.isSending.value}
            onChange={(event) => setCascade(event.currentTarget.checked)} />
          {' '}and all runs that descend from them
        </label>
        <ReasonField value={reason} onInput={setReason} />
        {error !== null && (
          <ErrorNote error={error}>
            {plan.isSending.value && <p>Whether it has begun is not known: look under “Bulk cancels”.</p>}
          </ErrorNote>
        )}
        <div class="row">
          <button type="submit" class="danger main" disabled={!isReady || bytesOf(reason.trim()) > MOST_REASON}>
            Cancel {open > 0 ? `${open.toLocaleString('en')} ` : ''}runs
          </button>
          <button type="button" onClick={onClose}>Back</button>
        </div>
      </form>
    </Dialog>
  );
}
