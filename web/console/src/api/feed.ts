// A watch of runs that goes on: resumed by its cursor after each cut, by conditional requests where
// no stream comes through, and always able to say how far behind it is.
import { ApiError, errorFrom, errorOf, send } from './http';
import { parseJson } from './json';
import { numberOf, type FeedItem } from './types';

export type FeedState =
  | 'connecting' // nothing has come yet
  | 'live' // what is shown is what there is
  | 'behind' // changes have happened that have not come yet
  | 'lost' // the stream broke, and is being opened again
  | 'polling'; // no stream comes through: the server is asked again and again

export interface FeedOptions {
  token: string;
  /** The filters of WatchRuns. */
  filter: { runIds?: string[]; workflowId?: string; includeRun?: boolean };
  /** Where to begin: behind a cursor, with all live runs, at an instant; else now. */
  begin: { cursor?: string; snapshot?: true; since?: string };
  /** Takes what came, in its order. */
  onItems(items: FeedItem[]): void;
  onState(state: FeedState): void;
  /** The cursor has expired: all must be read anew, and a new feed be made. */
  onExpired(): void;
  /** The token opens nothing any more. */
  onSignedOut(error: ApiError): void;
  /** Reads what the stream would have told; called again and again while none comes through. */
  poll(signal: AbortSignal): Promise<void>;
}

const QUIET_MS = 15000; // bookmarks come every 5 s at least
const POLL_MS = 3000;
const STREAM_AGAIN_MS = 30000;
const LONGEST_WAIT_MS = 15000;
const SILENT_CUTS = 2; // streams without a single message, until there is polling

export class Feed {
  private readonly stop = new AbortController();
  private cursor: string;
  private state: FeedState = 'connecting';
  private failures = 0;
  private silentCuts = 0;

  constructor(private readonly options: FeedOptions) {
    this.cursor = options.begin.cursor ?? '';
    void this.run();
  }

  close(): void {
    this.stop.abort();
  }

  private get isClosed(): boolean {
    return this.stop.signal.aborted;
  }

  private tell(state: FeedState): void {
    if (this.isClosed || state === this.state) return;
    this.state = state;
    this.options.onState(state);
  }

  private async run(): Promise<void> {
    while (!this.isClosed) {
      const error = await this.follow();
      if (this.isClosed) return;
      if (error?.status === 401) {
        this.close();
        this.options.onSignedOut(error);
        return;
      }
      if (error?.status === 410) {
        this.close();
        this.options.onExpired();
        return;
      }
      this.failures++;
      if (this.silentCuts >= SILENT_CUTS || error?.status === 429) {
        await this.pollFor(Math.max(STREAM_AGAIN_MS, (error?.retryAfterS ?? 0) * 1000));
      } else {
        this.tell('lost');
        // A stream that worked is opened again at once; others more and more seldom, not all pages at one time.
        const longest = Math.min(LONGEST_WAIT_MS, 250 * 2 ** Math.min(this.failures, 10));
        const wait = longest * (0.5 + Math.random() / 2);
        await this.pause(Math.max(wait, (error?.retryAfterS ?? 0) * 1000));
      }
    }
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const over = (): void => {
        clearTimeout(timer);
        this.stop.signal.removeEventListener('abort', over);
        resolve();
      };
      const timer = setTimeout(over, ms);
      this.stop.signal.addEventListener('abort', over);
    });
  }

  private async pollFor(ms: number): Promise<void> {
    const end = performance.now() + ms;
    while (!this.isClosed && performance.now() < end) {
      try {
        await this.options.poll(AbortSignal.any([this.stop.signal, AbortSignal.timeout(QUIET_MS)]));
        this.tell('polling');
      } catch (error) {
        if (this.isClosed) return;
        if (error instanceof ApiError && error.isSignedOut) {
          this.close();
          this.options.onSignedOut(error);
          return;
        }
        this.tell('lost');
      }
      await this.pause(POLL_MS);
    }
  }

  /** Follows one stream to its end. Returns why it ended, if that was said. */
  private async follow(): Promise<ApiError | undefined> {
    const abort = new AbortController();
    const close = (): void => abort.abort();
    this.stop.signal.addEventListener('abort', close, { once: true });
    let isQuiet = false;
    const giveUp = (): void => {
      isQuiet = true;
      abort.abort();
    };
    let quiet = setTimeout(giveUp, QUIET_MS);
    const heard = (): void => {
      clearTimeout(quiet);
      quiet = setTimeout(giveUp, QUIET_MS);
    };
    let isOpen = false;
    let hasMessages = false;
    try {
      const response = await send({
        path: 'v1/runs:watch',
        body: {
          ...this.options.filter,
          ...(this.cursor === '' ? this.options.begin : { cursor: this.cursor }),
        },
        token: this.options.token,
        accept: 'application/x-ndjson',
        signal: abort.signal,
      });
      if (!response.ok || response.body === null) return await errorOf(response);
      isOpen = true;
      for await (const lines of linesOf(response.body)) {
        heard();
        const found = this.take(lines);
        hasMessages ||= found.count > 0;
        if (found.error !== undefined) return found.error;
        if (this.isClosed) return undefined;
      }
      return undefined;
    } catch (error) {
      return error instanceof ApiError ? error : undefined;
    } finally {
      clearTimeout(quiet);
      abort.abort();
      this.stop.signal.removeEventListener('abort', close);
      // Without a word to its end: something on the way keeps what is sent, perhaps with the headers.
      if (hasMessages) this.silentCuts = 0;
      else if (isOpen || isQuiet) this.silentCuts++;
    }
  }

  private take(lines: string[]): { count: number; error?: ApiError } {
    const items: FeedItem[] = [];
    let behind: boolean | undefined;
    let cursor = this.cursor;
    // The place moves with what was taken: a line that cannot be read has it all be sent again.
    const give = (): void => {
      if (items.length > 0) this.options.onItems(items);
      this.cursor = cursor;
    };
    for (const line of lines) {
      if (line === '') continue; // a heartbeat
      const body = parseJson(line) as { code: number; data?: FeedItem };
      if (body.data === undefined) {
        give();
        return { count: items.length, error: errorFrom(body.code, line) };
      }
      items.push(body.data);
      if (body.data.cursor !== undefined) cursor = body.data.cursor;
      const mark = body.data.bookmark;
      if (mark !== undefined) behind = numberOf(mark.newestRevision) > numberOf(mark.revision);
    }
    give();
    if (items.length > 0) {
      this.failures = 0;
      if (behind !== undefined) this.tell(behind ? 'behind' : 'live');
      else if (this.state !== 'behind') this.tell('live');
    }
    return { count: items.length };
  }
}

/** The whole lines of a body, those of each piece together. */
async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string[]> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return; // a line that is not whole was cut, and says nothing
    rest += decoder.decode(value, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (lines.length > 0) yield lines;
  }
}
