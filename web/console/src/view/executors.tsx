// Who works, and who is idle.
import type { JSX } from 'preact';
import { ExecutorList, type Executor } from '../state/executors';
import { useModel, useTitle } from './hooks';
import { FeedBadge, RunLink, Time } from './parts';

const SHOWN = 5;

export function Executors(): JSX.Element {
  useTitle('Executors');
  const model = useModel(() => new ExecutorList(), 'executors');
  const all = model.executors.value;
  const idle = all.filter((executor) => executor.runs.size === 0);
  return (
    <>
      <div class="head">
        <h1>Executors</h1>
        <FeedBadge state={model.feedState.value} />
      </div>
      <p role="status">
        {model.isLoading.value ? 'Reading who holds what …'
          : `${all.length - idle.length} at work, ${idle.length} idle`}
      </p>
      {!model.isLoading.value && all.length === 0 && (
        <p class="quiet">No executor holds a run, and none did in the last quarter of an hour.</p>
      )}
      {all.length > 0 && (
        <div class="wide" tabIndex={0} role="group" aria-label="Executors">
          <table>
            <thead>
              <tr>
                <th scope="col">Executor</th><th scope="col">State</th><th scope="col">Runs</th>
                <th scope="col">Last seen in an event</th><th scope="col">Leases lost</th>
              </tr>
            </thead>
            <tbody>{all.map((executor) => <ExecutorRow key={executor.holder} executor={executor} />)}</tbody>
          </table>
        </div>
      )}
      <p class="small">
        Idle: it held a run in the last 15 minutes and holds none now. An executor that has never got a run is not
        known to the server’s feed.
      </p>
    </>
  );
}

function ExecutorRow({ executor }: { executor: Executor }): JSX.Element {
  const runs = [...executor.runs];
  return (
    <tr>
      <th scope="row">{executor.holder}</th>
      <td>{runs.length === 0 ? '○ idle' : '● at work'}</td>
      <td>
        {runs.length === 0 ? '0' : `${runs.length}: `}
        {runs.slice(0, SHOWN).map((id) => <span key={id}><RunLink id={id} /> </span>)}
        {runs.length > SHOWN && `and ${runs.length - SHOWN} more`}
      </td>
      <td>{executor.seenAt === '' ? '–' : <Time at={executor.seenAt} isShort />}</td>
      <td>{executor.lost}</td>
    </tr>
  );
}
