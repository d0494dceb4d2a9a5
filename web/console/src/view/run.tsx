// A run's page: what it is, what happened to it, who executes it, what it executes.
import type { ComponentChildren, JSX } from 'preact';
import { lazy, Suspense } from 'preact/compat';
import { useRef, useState } from 'preact/hooks';
import { isFinal, numberOf, type Run as RunMessage } from '../api/types';
import { runsHref } from '../route';
import { Cancel } from '../state/cancel';
import { RunModel, attemptsOf } from '../state/run_page';
import { may } from '../state/session';
import { CancelDialog } from './cancel_dialog';
import { useModel, useTitle } from './hooks';
import { ErrorNote, FeedBadge, JsonView, RunLink, StatusBadge, Time } from './parts';
import { Timeline } from './timeline';

// The library that lays the graph out is as large as all else.
const Graph = lazy(() => import('./graph').then((module) => ({ default: module.Graph })));

export function Run({ id }: { id: string }): JSX.Element {
  useTitle(`Run ${id}`);
  const model = useModel(() => new RunModel(id), id);
  const run = model.run.value;
  const error = model.error.value;
  const [isAsking, setAsking] = useState(false);
  const cancel = useRef<Cancel | null>(null);
  const ask = (): void => {
    // One whose outcome is not known goes on under its key, however often its dialog is closed.
    if (cancel.current?.isOpen !== true) cancel.current = new Cancel(id, (now) => model.accept(now));
    setAsking(true);
  };
  return (
    <>
      <p class="small"><a href={runsHref()}>Runs</a> / <code>{id}</code></p>
      <div class="head">
        <h1>Run</h1>
        {run !== null && !model.isDeleted.value && <StatusBadge status={run.status} />}
        <FeedBadge state={model.feedState.value} />
        {run !== null && may('runs.cancel') && !isFinal(run.status) && !model.isDeleted.value && (
          <button type="button" class="danger" onClick={ask}>Cancel …</button>
        )}
      </div>
      {model.isDeleted.value && <p class="note bad" role="status">This run was deleted. What is shown is what it was.</p>}
      {error !== null && (
        <ErrorNote error={error}>
          {error.status !== 404 && (
            <button type="button" onClick={() => void model.read()}>Try again</button>
          )}
        </ErrorNote>
      )}
      {run === null && error === null && <p role="status">Reading the run …</p>}
      {run !== null && <Facts run={run} />}
      {run !== null && (
        <div class="columns">
          <div>
            <Section title="Timeline"><Timeline events={model.events.value} /></Section>
            <Attempts model={model} run={run} />
          </div>
          <div>
            <Section title="Workflow">
              <Suspense fallback={<p role="status">Drawing the graph …</p>}>
                <Graph nodes={run.workflowDefinition.nodes} state={run.executionState} />
              </Suspense>
            </Section>
          </div>
        </div>
      )}
      {run !== null && <Payload run={run} />}
      {isAsking && run !== null && cancel.current !== null && (
        <CancelDialog run={run} cancel={cancel.current} onClose={() => setAsking(false)} />
      )}
    </>
  );
}

function Section({ title, children }: { title: string; children: ComponentChildren }): JSX.Element {
  const id = `section-${title.toLowerCase().replaceAll(' ', '-')}`;
  return <section aria-labelledby={id}><h2 id={id}>{title}</h2>{children}</section>;
}

function Facts({ run }: { run: RunMessage }): JSX.Element {
  return (
    <dl class="facts">
      <dt>Workflow</dt><dd>{run.workflowId === '' ? '–' : run.workflowId} v{String(run.workflowVersion)}</dd>
      <dt>Started</dt><dd><Time at={run.startedAt} /></dd>
      {run.finishedAt !== undefined && (
        <><dt>{run.status === 'cancelled' ? 'Cancelled' : 'Ended'}</dt><dd><Time at={run.finishedAt} /></dd></>
      )}
      {run.stoppedAt !== undefined && <><dt>Stopped</dt><dd><Time at={run.stoppedAt} /></dd></>}
      {run.status === 'cancelled' && run.stoppedAt === undefined && (
        <><dt>Stopped</dt><dd>not acknowledged by an executor</dd></>
      )}
      <dt>Triggered</dt><dd>by {run.triggeredBy} ({run.triggerSource})</dd>
      {run.sourceRunId !== '' && <><dt>Replay of</dt><dd><RunLink id={run.sourceRunId} /></dd></>}
      {run.parentRunId !== undefined && run.parentRunId !== '' && (
        <><dt>Part of</dt><dd><RunLink id={run.parentRunId} /></dd></>
      )}
      {run.timeout !== undefined && <><dt>Time-out</dt><dd>{run.timeout}, then {run.onTimeout ?? 'failure'}</dd></>}
      {run.waitingTimeout !== undefined && <><dt>Waiting at most</dt><dd>{run.waitingTimeout}</dd></>}
      <dt>Compute units</dt><dd>{String(run.totalCu)}</dd>
      {(run.isSimulation || run.isDustTest) && (
        <>
          <dt>Kind</dt>
          <dd>{[run.isSimulation && `simulation${run.simulationMode === '' ? '' : ` (${run.simulationMode})`}`,
            run.isDustTest && 'dust test'].filter(Boolean).join(', ')}</dd>
        </>
      )}
    </dl>
  );
}

function Attempts({ model, run }: { model: RunModel; run: RunMessage }): JSX.Element | null {
  const attempts = attemptsOf(model.events.value);
  const holder = run.lease?.holder ?? '';
  if (run.dispatch !== 'lease' && attempts.length === 0) return null;
  return (
    <Section title="Executors">
      <p>
        {holder !== '' ? <>Held by <strong>{holder}</strong>, attempt {String(run.lease?.attempt ?? '')}</>
          : isFinal(run.status) ? 'Nobody holds it: it is over.' : 'Nobody holds it: it waits for an executor.'}
        {numberOf(run.lease?.attempt) > 0 && run.onLeaseLoss === 'failure' && ' · fails if its lease is lost'}
      </p>
      {attempts.length > 0 && (
        <div class="wide" tabIndex={0} role="group" aria-label="Attempts">
          <table>
            <thead><tr>
              <th scope="col">Attempt</th><th scope="col">Executor</th><th scope="col">From</th>
              <th scope="col">To</th><th scope="col">End</th>
            </tr></thead>
            <tbody>
              {attempts.map((one) => (
                <tr key={one.attempt}>
                  <th scope="row">{one.attempt}</th><td>{one.holder}</td>
                  <td><Time at={one.from} isShort /></td>
                  <td>{one.to === '' ? '–' : <Time at={one.to} isShort />}</td>
                  <td>{one.end === '' ? 'at work' : one.end}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Section>
  );
}

function Payload({ run }: { run: RunMessage }): JSX.Element {
  return (
    <>
      <div class="columns">
        <Section title="Inputs"><JsonView value={run.propValues} label="Inputs" /></Section>
        <Section title="State"><JsonView value={run.executionState} label="State" /></Section>
      </div>
      {run.simulationForks.length > 0 && (
        <Section title="Simulation forks">
          <div class="wide" tabIndex={0} role="group" aria-label="Forks">
            <table>
              <thead><tr><th scope="col">Chain</th><th scope="col">Fork</th><th scope="col">Endpoint</th></tr></thead>
              <tbody>
                {run.simulationForks.map((fork, i) => (
                  <tr key={i}>
                    <th scope="row">{String(fork.chainId)}</th><td>{fork.forkId}</td>
                    <td class="text">{fork.rpcUrl}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </Section>
      )}
    </>
  );
}
