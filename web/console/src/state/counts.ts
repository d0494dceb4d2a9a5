// How many runs there are by status, read again and again while the page is looked at.
import { signal } from '@preact/signals';
import { countRuns } from '../api/calls';
import { numberOf, type Status } from '../api/types';
import { context, may, signedOutBy } from './session';

export interface Figures {
  total: number;
  byStatus: ReadonlyMap<Status, number>;
}

const EVERY_MS = 3000;
const LONGEST_MS = 10000; // of an answer

export class CountModel {
  readonly figures = signal<Figures | null>(null);
  private etag = '';
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly stop = new AbortController();

  constructor() {
    if (may('runs.read')) void this.read();
  }

  close(): void {
    clearTimeout(this.timer);
    this.stop.abort();
  }

  private async read(): Promise<void> {
    try {
      if (!document.hidden) {
        const signal = AbortSignal.any([this.stop.signal, AbortSignal.timeout(LONGEST_MS)]);
        const { data, etag } = await countRuns({ ...context(signal), etag: this.etag });
        this.etag = etag;
        if (data !== undefined) {
          this.figures.value = {
            total: numberOf(data.total),
            byStatus: new Map(data.byStatus.map((entry) => [entry.status, numberOf(entry.count)])),
          };
        }
      }
    } catch (error) {
      if (this.stop.signal.aborted || signedOutBy(error)) return;
      this.figures.value = null; // no figure that may be old
      this.etag = '';
    }
    if (!this.stop.signal.aborted) this.timer = setTimeout(() => void this.read(), EVERY_MS);
  }
}
