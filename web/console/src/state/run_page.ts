// One run with its events, as they are and as they change.
import { signal } from '@preact/signals';
import { getRun, listEvents } from '../api/calls';
import { Feed, type FeedState } from '../api/feed';
import { ApiError } from '../api/http';
import { isFinal, numberOf, type FeedItem, type Run, type RunEvent } from '../api/types';
import { noteRevisions } from './rate';
import { context, signedOutBy, signOut, token } from './session';

export class RunModel {
  readonly run = signal<Run | null>(null);
  readonly events = signal<readonly RunEvent[]>([]);
  readonly feedState = signal<FeedState>('connecting');
  readonly error = signal<ApiError | null>(null);
  readonly isDeleted = signal(false);

  private feed: Feed;
  private readonly stop = new AbortController();
  private isRead = false;
  private changes = 0;
  private runEtag = '';
  private eventsEtag = '';

  constructor(readonly id: string) {
    this.feed = this.follow();
  }

  close(): void {
    this.stop.abort();
    this.feed.close();
  }

  private follow(): Feed {
    return new Feed({
      token: token.value,
      filter: { runIds: [this.id], includeRun: true },
      begin: {},
      onItems: (items) => this.take(items),
      onState: (state) => { this.feedState.value = state; },
      onExpired: () => {
        this.isRead = false;
        this.feed = this.follow();
      },
      onSignedOut: (error) => signOut(`You have been signed out: ${error.message}`),
      poll: (signal) => this.poll(signal),
    });
  }

  /** Takes the run as an answer to a cancel has it, unless the feed was faster: it may know by now that it has stopped. */
  accept(run: Run): void {
    if (this.run.value !== null && isFinal(this.run.value.status)) return;
    this.changes++;
    this.run.value = run;
  }

  /** Reads the run anew, after a failure. */
  async read(): Promise<void> {
    this.error.value = null;
    try {
      for (;;) {
        const before = this.changes;
        await this.poll(this.stop.signal);
        // What came meanwhile is newer than what was read: then it is read again.
        if (before === this.changes) return;
        this.runEtag = '';
        this.eventsEtag = '';
      }
    } catch (error) {
      if (this.stop.signal.aborted || signedOutBy(error)) return;
      this.error.value = error instanceof ApiError ? error : new ApiError(0, '', String(error));
      if (this.error.value.status !== 404) this.isRead = false; // with the next bookmark
    }
  }

  private take(items: FeedItem[]): void {
    noteRevisions(items);
    for (const item of items) {
      if (item.change === undefined) continue;
      this.changes++;
      if (item.change.kind === 'deleted') this.isDeleted.value = true;
      this.append(item.change);
      if (item.run !== undefined) {
        this.run.value = item.run;
        this.isDeleted.value = false;
        this.error.value = null;
      }
    }
    // The feed's place is known now: nothing is missed between what is read and what it tells.
    if (!this.isRead) {
      this.isRead = true;
      void this.read();
    }
  }

  private append(event: RunEvent): void {
    if (event.kind === 'created') this.events.value = []; // anew, under the id of a deleted one
    const sequence = numberOf(event.sequence);
    if (this.events.value.some((old) => numberOf(old.sequence) === sequence)) return;
    this.events.value = [...this.events.value, event]
      .sort((a, b) => numberOf(a.sequence) - numberOf(b.sequence));
  }

  private async poll(signal: AbortSignal): Promise<void> {
    const changes = this.changes;
    const [run, list] = await Promise.all([
      getRun({ ...context(signal), etag: this.runEtag }, this.id),
      listEvents({ ...context(signal), etag: this.eventsEtag }, this.id),
    ]);
    if (changes !== this.changes) return;
    this.runEtag = run.etag;
    this.eventsEtag = list.etag;
    if (run.data !== undefined) this.run.value = run.data;
    if (list.data !== undefined) this.events.value = list.data.events;
    this.error.value = null;
  }
}

/** The attempts of a run, from its events: who held it from when to when, and how that ended. */
export interface Attempt {
  attempt: number;
  holder: string;
  from: string;
  to: string; // empty: it goes on
  end: string;
}

export function attemptsOf(events: readonly RunEvent[]): Attempt[] {
  const attempts: Attempt[] = [];
  for (const event of events) {
    const last = attempts.at(-1);
    const isNew = event.kind === 'acquired' ||
      (event.kind === 'created' && event.holder !== '' && numberOf(event.attempt) > 0);
    if (isNew) {
      attempts.push({
        attempt: numberOf(event.attempt), holder: event.holder, from: event.at, to: '', end: '',
      });
    } else if (last !== undefined && last.to === '') {
      const end = endOf(event);
      if (end !== '') attempts[attempts.length - 1] = { ...last, to: event.at, end };
    }
  }
  return attempts;
}

function endOf(event: RunEvent): string {
  if (event.kind === 'released') return 'given back';
  if (event.kind === 'lease_lost') return 'lease lost';
  const isEnd = event.kind === 'status_changed' && event.toStatus !== 'running' && event.toStatus !== 'waiting';
  return isEnd ? event.toStatus : '';
}
