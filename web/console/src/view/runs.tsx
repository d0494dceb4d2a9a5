// The list of runs: figures, filters, rows, and what is to be cancelled of them.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { BulkRequest } from '../api/calls';
import { isFinal, type RunFilter } from '../api/types';
import { bulkHref, go } from '../route';
import { isOpen, RunList } from '../state/run_list';
import { may } from '../state/session';
import { BulkDialog } from './bulk_dialog';
import { Figures } from './figures';
import { FilterBar } from './filter_bar';
import { useModel, useTitle } from './hooks';
import { FeedBadge } from './parts';
import { RunTable } from './run_table';

const MOST_TICKED = 5000; // of one bulk cancel

export function Runs({ filter }: { filter: RunFilter }): JSX.Element {
  useTitle('Runs');
  const key = JSON.stringify(filter);
  const list = useModel(() => new RunList(filter), key);
  const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set());
  const [asked, setAsked] = useState<BulkRequest | null>(null);
  useEffect(() => setTicked(new Set()), [key]);
  const mayCancel = may('runs.cancel');
  const open = list.rows.value.filter((row) => ticked.has(row.id) && isOpen(row));
  return (
    <>
      <div class="head">
        <h1>Runs</h1>
        <FeedBadge state={list.feedState.value} />
      </div>
      <Figures filter={filter} />
      <FilterBar filter={filter} />
      {list.error.value !== '' && (
        <p class="note bad" role="alert">
          The runs could not be read: {list.error.value}
          {list.rows.value.length > 0 && ' What is shown may be old.'}
        </p>
      )}
      {mayCancel && (
        <div class="row actions">
          <button type="button" class="danger" disabled={open.length === 0 || open.length > MOST_TICKED}
            onClick={() => setAsked({ ids: open.map((row) => row.id) })}>
            Cancel {open.length} ticked
          </button>
          <button type="button" disabled={!mayBeBulk(filter)} onClick={() => setAsked({ filter: bulkFilter(filter) })}
            title={mayBeBulk(filter) ? 'Shows first how many they are' : 'Filter the list first, so that it has runs which are not over'}>
            Cancel all that match …
          </button>
          {ticked.size > 0 && (
            <button type="button" onClick={() => setTicked(new Set())}>Untick all</button>
          )}
        </div>
      )}
      <RunTable list={list} ticked={mayCancel ? ticked : null} onTick={(id, is) => {
        const next = new Set(ticked);
        if (is) next.add(id);
        else next.delete(id);
        setTicked(next);
      }} />
      {asked !== null && (
        <BulkDialog request={asked} onClose={() => setAsked(null)} onStarted={(id) => {
          setAsked(null);
          setTicked(new Set());
          go(bulkHref(id));
        }} />
      )}
    </>
  );
}

// Only runs that are not over can be cancelled, and a filter of none would be all runs.
function bulkFilter(filter: RunFilter): RunFilter {
  const { status, ...rest } = filter;
  const open = (status ?? []).filter((word) => !isFinal(word));
  return open.length > 0 ? { ...rest, status: open } : rest;
}

function mayBeBulk(filter: RunFilter): boolean {
  if (Object.keys(bulkFilter(filter)).length === 0) return false;
  return filter.status === undefined || filter.status.some((word) => !isFinal(word));
}
