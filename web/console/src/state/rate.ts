// How many changes a minute there are: from the revisions that the feed tells, which count the
// organization's events without a gap.
import { signal } from '@preact/signals';
import { numberOf, type FeedItem } from '../api/types';

const STEP_MS = 10000;
const KEPT = 180; // half an hour

export interface Sample {
  at: number; // ms
  revision: number;
}

/** The newest revision at the end of each step, the oldest first. */
export const samples = signal<readonly Sample[]>([]);
/** Whether the feed tells of changes now: without it nothing is known of the last minute. */
export const isHeard = signal(false);
let newest = 0;
let heardAt = 0; // by performance.now()

export function noteRevisions(items: readonly FeedItem[]): void {
  for (const item of items) {
    newest = Math.max(newest, numberOf(item.change?.revision),
      numberOf(item.bookmark?.newestRevision));
  }
  if (items.length > 0) heardAt = performance.now();
  if (samples.value.length === 0 && newest > 0) note();
}

function note(): void {
  samples.value = [...samples.value, { at: Date.now(), revision: newest }].slice(-KEPT - 1);
}

setInterval(() => {
  isHeard.value = newest > 0 && performance.now() - heardAt < STEP_MS;
  if (isHeard.value) note();
}, STEP_MS);

/** Forgets all: another organization counts otherwise. */
export function clearRate(): void {
  newest = 0;
  isHeard.value = false;
  samples.value = [];
}

/** Changes a minute for each step: [seconds since 1970], [rates]. */
export function rates(list: readonly Sample[]): [number[], number[]] {
  const times: number[] = [];
  const values: number[] = [];
  list.forEach((sample, i) => {
    const before = list[i - 1];
    if (before === undefined || sample.at <= before.at) return;
    times.push(sample.at / 1000);
    values.push(((sample.revision - before.revision) * 60000) / (sample.at - before.at));
  });
  return [times, values];
}

/** How many changes there were in the last minute, or since the page was opened, or since the feed broke off. */
export function lastMinute(list: readonly Sample[]): { changes: number; seconds: number } | null {
  const last = list.at(-1);
  if (last === undefined || list.length < 2) return null;
  const recent = list.find((sample) => sample.at >= last.at - 60000 - STEP_MS / 2) ?? last;
  const first = recent === last ? list.at(-2) ?? last : recent;
  return { changes: last.revision - first.revision, seconds: Math.round((last.at - first.at) / 1000) };
}
