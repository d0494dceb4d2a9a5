// What of the runs is shown: the filter is in the URL, so that it can be sent to others.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { RunFilter } from '../api/types';
import { go, runHref, runsHref } from '../route';
import { isUtc } from '../state/clock';

export function FilterBar({ filter }: { filter: RunFilter }): JSX.Element {
  const [workflow, setWorkflow] = useState(filter.workflowId ?? '');
  const [id, setId] = useState('');
  useEffect(() => setWorkflow(filter.workflowId ?? ''), [filter.workflowId]);
  const change = (name: 'workflowId' | 'startedAfter' | 'startedBefore', value: string): void => {
    const { [name]: _old, ...rest } = filter;
    go(runsHref(value === '' ? rest : { ...rest, [name]: value }));
  };
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <div class="filters" role="search" aria-label="Runs">
      <form class="row" onSubmit={(event) => {
        event.preventDefault();
        change('workflowId', workflow.trim());
      }}>
        <label>Workflow{' '}
          <input type="text" value={workflow} spellcheck={false} placeholder="its whole id"
            onInput={(event) => setWorkflow(event.currentTarget.value)}
            onBlur={() => { if (workflow.trim() !== (filter.workflowId ?? '')) change('workflowId', workflow.trim()); }} />
        </label>
      </form>
      <Instant label="Started after" value={filter.startedAfter}
        onChange={(value) => change('startedAfter', value)} />
      <Instant label="Started before" value={filter.startedBefore}
        onChange={(value) => change('startedBefore', value)} />
      {isFiltered && <a class="button" href={runsHref()}>Show all</a>}
      <form class="row" onSubmit={(event) => {
        event.preventDefault();
        if (id.trim() !== '') go(runHref(id.trim()));
      }}>
        <label>Run{' '}
          <input type="search" value={id} spellcheck={false} placeholder="its id"
            onInput={(event) => setId(event.currentTarget.value)} />
        </label>
        <button type="submit">Open</button>
      </form>
    </div>
  );
}

/** An instant, entered in the zone in which all are written. */
function Instant({ label, value, onChange }: {
  label: string; value: string | undefined; onChange(value: string): void;
}): JSX.Element {
  return (
    <label>{label} <span class="quiet">({isUtc.value ? 'UTC' : 'local'})</span>{' '}
      <input type="datetime-local" step={1} value={value === undefined ? '' : fieldOf(value, isUtc.value)}
        onChange={(event) => onChange(instantOf(event.currentTarget.value, isUtc.value))} />
    </label>
  );
}

function fieldOf(at: string, inUtc: boolean): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '';
  const shifted = inUtc ? date : new Date(date.getTime() - date.getTimezoneOffset() * 60000);
  return shifted.toISOString().slice(0, 19);
}

function instantOf(field: string, inUtc: boolean): string {
  const date = new Date(inUtc ? `${field}Z` : field);
  return field === '' || Number.isNaN(date.getTime()) ? '' : date.toISOString();
}
