// Bulk cancels: those that there are, and one as it goes on.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { listBulks } from '../api/calls';
import { ApiError } from '../api/http';
import { numberOf, OUTCOMES, type BulkCancel, type Outcome } from '../api/types';
import { bulkHref } from '../route';
import { BulkModel, OutcomeList } from '../state/bulk';
import { context, signedOutBy } from '../state/session';
import { useModel, useTitle } from './hooks';
import { ErrorNote, RunLink, StatusBadge, Time } from './parts';

const WORDS: Record<Outcome, string> = {
  cancelled: 'cancelled by this',
  already_final: 'had ended before',
  not_found: 'no such run',
  open: 'open',
};

export function BulkList(): JSX.Element {
  useTitle('Bulk cancels');
  const [list, setList] = useState<readonly BulkCancel[]>([]);
  const [next, setNext] = useState<string | null>('');
  const [error, setError] = useState<ApiError | null>(null);
  const [isLoading, setLoading] = useState(false);
  const more = async (): Promise<void> => {
    if (next === null || isLoading) return;
    setLoading(true);
    try {
      const page = await listBulks(context(), next);
      setList((before) => [...before, ...page.bulkCancels]);
      setNext(page.nextPageToken === '' ? null : page.nextPageToken);
      setError(null);
    } catch (caught) {
      if (!signedOutBy(caught)) setError(caught instanceof ApiError ? caught : new ApiError(0, '', String(caught)));
    } finally {
      setLoading(false);
    }
  };
  useEffect(() => void more(), []);
  return (
    <>
      <h1>Bulk cancels</h1>
      {error !== null && <ErrorNote error={error} />}
      {!isLoading && error === null && list.length === 0 && (
        <p class="quiet">There are none. Tick runs in the list, or filter it, to cancel several at once.</p>
      )}
      {list.length > 0 && (
        <div class="wide" tabIndex={0} role="group" aria-label="Bulk cancels">
          <table>
            <thead>
              <tr>
                <th scope="col">Created</th><th scope="col">State</th><th scope="col">Runs</th>
                <th scope="col">By</th><th scope="col">Reason</th>
              </tr>
            </thead>
            <tbody>
              {list.map((bulk) => (
                <tr key={bulk.id}>
                  <th scope="row"><a href={bulkHref(bulk.id)}><Time at={bulk.createdAt} isShort /></a></th>
                  <td>{bulk.state}</td>
                  <td>{numberOf(bulk.total) - numberOf(bulk.open)} of {String(bulk.total)}</td>
                  <td>{bulk.actor}</td>
                  <td class="text">{bulk.reason}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {next !== null && (
        <button type="button" disabled={isLoading} onClick={() => void more()}>
          {error === null ? 'More' : 'Try again'}
        </button>
      )}
    </>
  );
}

export function BulkPage({ id }: { id: string }): JSX.Element {
  useTitle('Bulk cancel');
  const model = useModel(() => new BulkModel(id), id);
  const bulk = model.bulk.value;
  const error = model.error.value;
  return (
    <>
      <h1>Bulk cancel</h1>
      <p><code>{id}</code></p>
      {error !== null && <ErrorNote error={error} />}
      {bulk === null && error === null && <p role="status">Reading it …</p>}
      {bulk !== null && <BulkView bulk={bulk} model={model} />}
    </>
  );
}

function BulkView({ bulk, model }: { bulk: BulkCancel; model: BulkModel }): JSX.Element {
  const total = numberOf(bulk.total);
  const done = total - numberOf(bulk.open);
  const isOver = bulk.state === 'done' || bulk.state === 'aborted';
  return (
    <>
      <p role="status"><strong>{bulk.state}</strong>: {done} of {total} runs have an outcome</p>
      <progress value={done} max={Math.max(total, 1)} aria-label="Runs with an outcome" />
      <dl class="facts">
        <dt>Cancelled by this</dt><dd>{String(bulk.cancelled)}</dd>
        <dt>Had ended before</dt><dd>{String(bulk.alreadyFinal)}</dd>
        <dt>No such run</dt><dd>{String(bulk.notFound)}</dd>
        <dt>Open</dt><dd>{String(bulk.open)}</dd>
        <dt>By</dt><dd>{bulk.actor}</dd>
        <dt>Reason</dt><dd class="text">{bulk.reason === '' ? '–' : bulk.reason}</dd>
        <dt>Created</dt><dd><Time at={bulk.createdAt} /></dd>
        {bulk.startedAt !== undefined && <><dt>Began</dt><dd><Time at={bulk.startedAt} /></dd></>}
        {bulk.finishedAt !== undefined && <><dt>Over</dt><dd><Time at={bulk.finishedAt} /></dd></>}
        {bulk.filter !== undefined && <><dt>Filter</dt><dd><FilterText filter={bulk.filter} /></dd></>}
        {bulk.cascade && <><dt>Families</dt><dd>descendants are cancelled too</dd></>}
      </dl>
      {!isOver && (
        <button type="button" class="danger" onClick={() => void model.abort()}>
          Stop: cancel no further runs
        </button>
      )}
      <Outcomes id={bulk.id} version={isOver ? bulk.state : 'open'} />
    </>
  );
}

function FilterText({ filter }: { filter: NonNullable<BulkCancel['filter']> }): JSX.Element {
  return (
    <>
      {(filter.status ?? []).map((status) => <span key={status}><StatusBadge status={status} /> </span>)}
      {filter.workflowId !== undefined && filter.workflowId !== '' && <>workflow {filter.workflowId} </>}
      {filter.startedAfter !== undefined && <>after <Time at={filter.startedAfter} /> </>}
      {filter.startedBefore !== undefined && <>before <Time at={filter.startedBefore} /></>}
    </>
  );
}

const none = { close: (): void => undefined };

function Outcomes({ id, version }: { id: string; version: string }): JSX.Element {
  const [outcome, setOutcome] = useState<Outcome | ''>('');
  const model = useModel(() => Object.assign(new OutcomeList(id, outcome), none), `${id} ${outcome} ${version}`);
  return (
    <section aria-labelledby="outcomes">
      <h2 id="outcomes">Outcomes</h2>
      <label>
        Show{' '}
        <select value={outcome} onChange={(event) => setOutcome(event.currentTarget.value as Outcome | '')}>
          <option value="">all</option>
          {OUTCOMES.map((word) => <option key={word} value={word}>{WORDS[word]}</option>)}
        </select>
      </label>
      {model.error.value !== null && <ErrorNote error={model.error.value} />}
      <ul class="outcomes">
        {model.items.value.map((item) => (
          <li key={item.runId}><RunLink id={item.runId} /> <span>{WORDS[item.outcome]}</span></li>
        ))}
      </ul>
      {!model.isComplete.value && (
        <button type="button" disabled={model.isLoading.value} onClick={() => void model.more()}>More</button>
      )}
    </section>
  );
}
