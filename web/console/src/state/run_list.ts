// The list of runs, newest first: pages that are read as one scrolls, and what the feed tells of
// the runs among them.
import { signal } from '@preact/signals';
import { listRuns } from '../api/calls';
import { Feed, type FeedState } from '../api/feed';
import { ApiError } from '../api/http';
import { isFinal, type FeedItem, type Run, type RunFilter, type Status } from '../api/types';
import { sortable } from '../time';
import { context, signedOutBy, signOut, token } from './session';
import { noteRevisions } from './rate';

/** What a row shows; the rest of a run is not kept, since there may be very many. */
export interface Row {
  id: string;
  status: Status;
  workflowId: string;
  workflowVersion: string;
  startedAt: string;
  finishedAt: string;
  stoppedAt: string;
  holder: string;
  triggeredBy: string;
  isSimulation: boolean;
  order: string;
}

export const rowOf = (run: Run): Row => ({
  id: run.id,
  status: run.status,
  workflowId: run.workflowId,
  workflowVersion: String(run.workflowVersion),
  startedAt: run.startedAt,
  finishedAt: run.finishedAt ?? '',
  stoppedAt: run.stoppedAt ?? '',
  holder: run.lease?.holder ?? '',
  triggeredBy: run.triggeredBy,
  isSimulation: run.isSimulation,
  order: sortable(run.startedAt),
});

const FIRST_PAGE = 100; // soon there, and read again and again where no feed comes through
const PAGE = 500;

export function matches(row: Row, filter: RunFilter): boolean {
  if (filter.status !== undefined && !filter.status.includes(row.status)) return false;
  if (filter.workflowId !== undefined && filter.workflowId !== row.workflowId) return false;
  if (filter.startedAfter !== undefined && row.order <= sortable(filter.startedAfter)) return false;
  return filter.startedBefore === undefined || row.order < sortable(filter.startedBefore);
}

export class RunList {
  readonly rows = signal<readonly Row[]>([]);
  readonly feedState = signal<FeedState>('connecting');
  readonly isLoading = signal(true);
  readonly isComplete = signal(false);
  readonly error = signal('');

  private nextPage = '';
  // Where the pages that were read end: runs behind it come with the next one.
  private end = '';
  private readings = 0;
  private etag = '';
  private feed: Feed | undefined;
  private readonly stop = new AbortController();
  private pending: FeedItem[] = [];
  private frame = 0;
  // What the feed told while a page was on its way, which is older.
  private newer: Map<string, Row | null> | undefined;

  constructor(readonly filter: RunFilter) {
    void this.begin();
  }

  close(): void {
    this.stop.abort();
    this.feed?.close();
    cancelAnimationFrame(this.frame);
  }

  /** Reads the first page anew, and follows from there. */
  private async begin(): Promise<void> {
    this.feed?.close();
    this.readings++;
    this.pending = []; // older than what is read now
    this.newer = undefined;
    this.isLoading.value = true;
    for (let wait = 1000; ; wait = Math.min(wait * 2, 15000)) {
      try {
        const { data, etag } = await listRuns(context(this.stop.signal),
          { ...this.filter, pageSize: FIRST_PAGE, watchCursor: true });
        if (this.stop.signal.aborted || data === undefined) return;
        this.error.value = '';
        this.etag = etag;
        this.nextPage = data.nextPageToken;
        this.isComplete.value = data.nextPageToken === '';
        this.rows.value = data.runs.map(rowOf);
        this.end = this.rows.value.at(-1)?.order ?? '';
        this.isLoading.value = false;
        this.follow(data.watchCursor ?? '');
        return;
      } catch (error) {
        if (this.stop.signal.aborted || signedOutBy(error)) return;
        this.error.value = error instanceof ApiError ? error.message : String(error);
        this.feedState.value = 'lost';
        if (error instanceof ApiError && error.status >= 400 && error.status < 429) {
          this.isLoading.value = false;
          return; // asking again would not help
        }
        await new Promise((resolve) => setTimeout(resolve, wait));
        if (this.stop.signal.aborted) return;
      }
    }
  }

  /** Reads the next page, if there is one and none is on its way. */
  async more(): Promise<void> {
    if (this.isLoading.value || this.nextPage === '') return;
    this.isLoading.value = true;
    const reading = this.readings;
    const newer = new Map<string, Row | null>();
    this.newer = newer;
    try {
      const { data } = await listRuns(context(this.stop.signal),
        { ...this.filter, pageSize: PAGE, pageToken: this.nextPage });
      if (data === undefined || reading !== this.readings) return;
      const there = new Set(this.rows.value.map((row) => row.id));
      const added: Row[] = [];
      for (const run of data.runs) {
        const told = newer.get(run.id);
        const row = told === undefined ? rowOf(run) : told;
        if (row !== null && !there.has(row.id) && matches(row, this.filter)) added.push(row);
        there.add(run.id);
        this.end = sortable(run.startedAt);
      }
      this.nextPage = data.nextPageToken;
      this.isComplete.value = data.nextPageToken === '';
      // What has come to match since the page was read.
      const late = [...newer.values()].filter((row): row is Row => row !== null && !there.has(row.id) && this.isOf(row));
      this.rows.value = mergeSorted(sorted(late), [...this.rows.value, ...added]);
      this.error.value = '';
    } catch (error) {
      if (this.stop.signal.aborted || signedOutBy(error) || reading !== this.readings) return;
      this.error.value = error instanceof ApiError ? error.message : String(error);
    } finally {
      if (reading === this.readings) {
        this.newer = undefined;
        this.isLoading.value = false;
      }
    }
  }

  private follow(cursor: string): void {
    const { workflowId } = this.filter;
    this.feed = new Feed({
      token: token.value,
      filter: { includeRun: true, ...(workflowId === undefined ? {} : { workflowId }) },
      begin: { cursor },
      onItems: (items) => this.take(items),
      onState: (state) => { this.feedState.value = state; },
      onExpired: () => void this.begin(),
      onSignedOut: (error) => signOut(`You have been signed out: ${error.message}`),
      poll: (signal) => this.poll(signal),
    });
  }

  private take(items: FeedItem[]): void {
    noteRevisions(items);
    this.pending.push(...items);
    // Once a frame at most, however fast they come; a hidden page draws no frames.
    if (document.hidden) {
      this.apply();
    } else if (this.frame === 0) {
      this.frame = requestAnimationFrame(() => this.apply());
    }
  }

  private apply(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const changed = new Map<string, Row | null>();
    for (const item of this.pending) {
      if (item.change === undefined) continue;
      if (item.run !== undefined) {
        changed.set(item.run.id, rowOf(item.run));
      } else if (item.change.kind === 'deleted') {
        changed.set(item.change.runId, null);
      }
    }
    this.pending = [];
    if (changed.size > 0) this.merge(changed);
  }

  private merge(changed: Map<string, Row | null>): void {
    if (this.newer !== undefined) {
      for (const [id, row] of changed) this.newer.set(id, row);
    }
    const kept: Row[] = [];
    let isTouched = false;
    for (const row of this.rows.value) {
      const now = changed.get(row.id);
      if (now === undefined) {
        kept.push(row);
        continue;
      }
      isTouched = true;
      changed.delete(row.id);
      if (now !== null && matches(now, this.filter)) kept.push(now);
    }
    const added = [...changed.values()].filter((row): row is Row => row !== null && this.isOf(row));
    if (added.length === 0 && !isTouched) return;
    this.rows.value = added.length === 0 ? kept : mergeSorted(sorted(added), kept);
  }

  /** Whether a row matches, and lies among the pages that were read. */
  private isOf(row: Row): boolean {
    return matches(row, this.filter) && (this.isComplete.value || row.order >= this.end);
  }

  private async poll(signal: AbortSignal): Promise<void> {
    const { data, etag } = await listRuns({ ...context(signal), etag: this.etag },
      { ...this.filter, pageSize: FIRST_PAGE });
    if (data === undefined) return;
    this.etag = etag;
    const rows = data.runs.map(rowOf);
    const changed = new Map<string, Row | null>(rows.map((row) => [row.id, row]));
    // What stands among the page's runs and is not in it has left the list.
    const last = rows.at(-1)?.order;
    for (const row of this.rows.value) {
      const isWithin = data.nextPageToken === '' || (last !== undefined && row.order > last);
      if (isWithin && !changed.has(row.id)) changed.set(row.id, null);
    }
    this.merge(changed);
  }
}

const sorted = (rows: Row[]): Row[] =>
  rows.sort((a, b) => (a.order < b.order ? 1 : a.order > b.order ? -1 : 0));

/** Two lists, newest first, as one. */
function mergeSorted(a: readonly Row[], b: readonly Row[]): Row[] {
  const merged: Row[] = [];
  let i = 0;
  for (const row of b) {
    for (let next = a[i]; next !== undefined && next.order >= row.order; next = a[++i]) {
      merged.push(next);
    }
    merged.push(row);
  }
  return [...merged, ...a.slice(i)];
}

/** Whether a run of the list can be cancelled. */
export const isOpen = (row: Row): boolean => !isFinal(row.status);
