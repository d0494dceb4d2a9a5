// Who works: executors that hold runs, and those that did something lately and hold none (idle).
import { signal } from '@preact/signals';
import { Feed, type FeedState } from '../api/feed';
import { isFinal, type FeedItem, type Run, type RunEvent } from '../api/types';
import { sortable } from '../time';
import { noteRevisions } from './rate';
import { signOut, token } from './session';

export interface Executor {
  holder: string;
  runs: Set<string>;
  /** When an event named it last, by the server's clock; empty: none has since the page looks. */
  seenAt: string;
  /** When it held a run last, or was named at all. */
  namedAt: string;
  lost: number;
}

// How far back events are read, and how many at most: an idle executor is one of these.
const HISTORY_MS = 15 * 60000;
const MOST_EVENTS = 5000;

export class ExecutorList {
  readonly executors = signal<readonly Executor[]>([]);
  readonly feedState = signal<FeedState>('connecting');
  readonly isLoading = signal(true);

  private readonly byName = new Map<string, Executor>();
  private readonly holderOf = new Map<string, string>();
  private feed: Feed;
  private history: Feed | undefined;
  private historyCount = 0;

  constructor() {
    this.feed = this.follow();
    this.history = this.lookBack();
  }

  close(): void {
    this.feed.close();
    this.history?.close();
  }

  private follow(): Feed {
    return new Feed({
      token: token.value,
      filter: { includeRun: true },
      begin: { snapshot: true },
      onItems: (items) => {
        noteRevisions(items);
        this.take(items);
      },
      onState: (state) => { this.feedState.value = state; },
      onExpired: () => {
        this.byName.clear();
        this.holderOf.clear();
        this.feed = this.follow();
      },
      onSignedOut: (error) => signOut(`You have been signed out: ${error.message}`),
      poll: () => Promise.reject(new Error('there is no other way to learn who holds what')),
    });
  }

  /** Reads what happened lately, for executors that hold nothing now. */
  private lookBack(): Feed {
    return new Feed({
      token: token.value,
      filter: {},
      begin: { since: new Date(Date.now() - HISTORY_MS).toISOString() },
      onItems: (items) => {
        for (const item of items) {
          if (item.change !== undefined) this.see(item.change);
          this.historyCount += item.change === undefined ? 0 : 1;
          const mark = item.bookmark;
          const isAtEnd = mark !== undefined && String(mark.revision) === String(mark.newestRevision);
          if (isAtEnd || this.historyCount >= MOST_EVENTS) this.history?.close();
        }
        this.publish();
      },
      onState: () => undefined,
      onExpired: () => undefined,
      onSignedOut: () => undefined,
      poll: () => Promise.resolve(),
    });
  }

  private take(items: readonly FeedItem[]): void {
    for (const item of items) {
      if (item.snapshotRun !== undefined) this.hold(item.snapshotRun.run);
      if (item.snapshotEnd !== undefined) this.isLoading.value = false;
      if (item.change !== undefined) this.see(item.change);
      if (item.run !== undefined) this.hold(item.run);
      else if (item.change?.kind === 'deleted') this.drop(item.change.runId);
    }
    this.publish();
  }

  private publish(): void {
    // Whoever has held nothing for long is gone, as far as is known.
    const since = sortable(new Date(Date.now() - HISTORY_MS).toISOString());
    for (const [holder, executor] of this.byName) {
      if (executor.runs.size === 0 && sortable(executor.namedAt) < since) this.byName.delete(holder);
    }
    this.executors.value = [...this.byName.values()]
      .map((executor) => ({ ...executor }))
      .sort((a, b) => a.holder.localeCompare(b.holder));
  }

  private find(holder: string): Executor {
    let found = this.byName.get(holder);
    if (found === undefined) {
      found = { holder, runs: new Set(), seenAt: '', namedAt: '', lost: 0 };
      this.byName.set(holder, found);
    }
    return found;
  }

  private drop(runId: string): void {
    const holder = this.holderOf.get(runId);
    if (holder === undefined) return;
    this.holderOf.delete(runId);
    const executor = this.byName.get(holder);
    if (executor === undefined) return;
    executor.runs.delete(runId);
    executor.namedAt = new Date().toISOString();
  }

  private hold(run: Run): void {
    const holder = isFinal(run.status) ? '' : run.lease?.holder ?? '';
    if ((this.holderOf.get(run.id) ?? '') === holder) return;
    this.drop(run.id);
    if (holder === '') return;
    this.holderOf.set(run.id, holder);
    this.find(holder).runs.add(run.id);
  }

  private see(event: RunEvent): void {
    if (event.holder === '') return;
    const executor = this.find(event.holder);
    if (sortable(event.at) > sortable(executor.namedAt)) executor.namedAt = event.at;
    if (event.kind === 'lease_lost') executor.lost++;
    else if (sortable(event.at) > sortable(executor.seenAt)) executor.seenAt = event.at;
  }
}
