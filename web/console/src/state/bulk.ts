// Bulk cancels: planned by a dry run, executed once its count is known, followed to their end.
import { signal } from '@preact/signals';
import { abortBulk, cancelRuns, getBulk, listOutcomes, type BulkRequest } from '../api/calls';
import { ApiError, newKey } from '../api/http';
import type { BulkCancel, Outcome } from '../api/types';
import { context, signedOutBy } from './session';

const FAST_MS = 500;
const SLOW_MS = 5000;
const SETTLING = new Set([401, 404, 409, 422]);

const asError = (error: unknown): ApiError =>
  error instanceof ApiError ? error : new ApiError(0, '', String(error));

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A bulk cancel as it goes on. */
export class BulkModel {
  readonly bulk = signal<BulkCancel | null>(null);
  readonly error = signal<ApiError | null>(null);
  private etag = '';
  private readonly stop = new AbortController();

  constructor(readonly id: string) {
    void this.follow();
  }

  close(): void {
    this.stop.abort();
  }

  private async follow(): Promise<void> {
    while (!this.stop.signal.aborted) {
      try {
        const { data, etag } = await getBulk({ ...context(this.stop.signal), etag: this.etag }, this.id);
        this.etag = etag;
        if (data !== undefined) this.bulk.value = data;
        this.error.value = null;
      } catch (error) {
        if (this.stop.signal.aborted || signedOutBy(error)) return;
        this.error.value = asError(error);
        if (this.error.value.status === 404 || this.error.value.status === 403) return;
      }
      const state = this.bulk.value?.state;
      if (state === 'done' || state === 'aborted') return;
      await pause(state === 'planned' || this.error.value !== null ? SLOW_MS : FAST_MS);
    }
  }

  async abort(): Promise<void> {
    try {
      this.bulk.value = await abortBulk(context(), this.id);
      this.etag = '';
    } catch (error) {
      if (!signedOutBy(error)) this.error.value = asError(error);
    }
  }
}

/** The plan of a bulk cancel, from the dry run to its execution. */
export class BulkPlan {
  readonly plan = signal<BulkCancel | null>(null);
  readonly error = signal<ApiError | null>(null);
  readonly isSending = signal(false);
  private readonly planKey = newKey();
  private readonly runKey = newKey();
  private readonly stop = new AbortController();

  constructor(private readonly request: BulkRequest) {
    void this.make();
  }

  /** Gives the plan up, unless it was executed: it would count among those that are open. */
  close(): void {
    this.stop.abort();
    const plan = this.plan.value;
    if (plan !== null && (plan.state === 'planned' || plan.state === 'planning') && !this.isSending.value) {
      void abortBulk(context(), plan.id).catch(() => undefined);
    }
  }

  get isReady(): boolean {
    return this.plan.value?.state === 'planned';
  }

  async make(): Promise<void> {
    this.error.value = null;
    try {
      // Under its key the plan is made once, however often it is asked for.
      let plan = await this.retry(() =>
        cancelRuns(context(this.stop.signal), this.planKey, { ...this.request, dryRun: true }));
      this.plan.value = plan;
      while (plan.state === 'planning') {
        await pause(FAST_MS);
        plan = (await this.retry(() => getBulk(context(this.stop.signal), plan.id))).data ?? plan;
        this.plan.value = plan;
      }
    } catch (error) {
      if (this.stop.signal.aborted || signedOutBy(error)) return;
      this.error.value = asError(error);
    }
  }

  /** Executes the plan; the id of the bulk cancel, or null: then error says why. */
  async execute(reason: string): Promise<string | null> {
    const plan = this.plan.value;
    if (plan === null || !this.isReady) return null;
    this.isSending.value = true;
    this.error.value = null;
    try {
      const request: BulkRequest = { plan: plan.id, ...(reason === '' ? {} : { reason }) };
      const who = context();
      const bulk = await this.retry(() => cancelRuns(who, this.runKey, request));
      this.plan.value = bulk;
      return bulk.id;
    } catch (error) {
      if (!signedOutBy(error)) this.error.value = asError(error);
      // Whether it runs is not known then: it must not be given up.
      if (!asError(error).isOutcomeUnknown) this.isSending.value = false;
      return null;
    }
  }

  /** Makes a call under a key again and again while it is not known what became of it. */
  private async retry<T>(call: () => Promise<T>): Promise<T> {
    let unknown: ApiError | null = null;
    for (let tries = 1; ; tries++) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (!error.isOutcomeUnknown) {
          // That this request was refused says nothing of one before, unless it settles both.
          throw unknown === null || SETTLING.has(error.status) ? error : unknown;
        }
        unknown = error;
        if (tries >= 5) throw error;
        await pause(Math.max(error.retryAfterS * 1000, 400 * 2 ** tries));
      }
    }
  }
}

/** What became of the runs, page by page. */
export class OutcomeList {
  readonly items = signal<readonly { runId: string; outcome: Outcome }[]>([]);
  readonly isLoading = signal(false);
  readonly isComplete = signal(false);
  readonly error = signal<ApiError | null>(null);
  private next = '';

  constructor(private readonly id: string, private readonly outcome: Outcome | '') {
    void this.more();
  }

  async more(): Promise<void> {
    if (this.isLoading.value || this.isComplete.value) return;
    this.isLoading.value = true;
    this.error.value = null;
    try {
      const page = await listOutcomes(context(), this.id, this.outcome, this.next);
      this.items.value = [...this.items.value, ...page.outcomes];
      this.next = page.nextPageToken;
      this.isComplete.value = page.nextPageToken === '';
    } catch (error) {
      if (!signedOutBy(error)) this.error.value = asError(error);
    } finally {
      this.isLoading.value = false;
    }
  }
}
