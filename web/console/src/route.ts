// Where one is: the part of the URL behind "#", so that the server needs one path alone.
import { signal } from '@preact/signals';
import { STATUSES, type RunFilter, type Status } from './api/types';

export type Route =
  | { name: 'runs'; filter: RunFilter }
  | { name: 'run'; id: string }
  | { name: 'bulks' }
  | { name: 'bulk'; id: string }
  | { name: 'executors' }
  | { name: 'token' }
  | { name: 'unknown' };

const isStatus = (word: string): word is Status => (STATUSES as readonly string[]).includes(word);

/** The route that a fragment names. */
export function parseRoute(fragment: string): Route {
  const [path = '', query = ''] = fragment.replace(/^#?\/?/, '').split('?', 2);
  const [place = '', id, ...more] = path.split('/').map(decode);
  if (more.length > 0) return { name: 'unknown' };
  if (place === '' || (place === 'runs' && id === undefined)) {
    return { name: 'runs', filter: parseFilter(new URLSearchParams(query)) };
  }
  if (place === 'runs' && id !== undefined && id !== '') return { name: 'run', id };
  if (place === 'bulk' && id === undefined) return { name: 'bulks' };
  if (place === 'bulk' && id !== undefined && id !== '') return { name: 'bulk', id };
  if ((place === 'executors' || place === 'token') && id === undefined) return { name: place };
  return { name: 'unknown' };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function parseFilter(query: URLSearchParams): RunFilter {
  const status = query.getAll('status').filter(isStatus);
  const filter: RunFilter = {};
  if (status.length > 0) filter.status = status;
  for (const name of ['workflowId', 'startedAfter', 'startedBefore'] as const) {
    const value = query.get(name);
    if (value !== null && value !== '') filter[name] = value;
  }
  return filter;
}

/** The fragment of the list with a filter. */
export function runsHref(filter: RunFilter = {}): string {
  const query = new URLSearchParams();
  for (const status of filter.status ?? []) query.append('status', status);
  for (const name of ['workflowId', 'startedAfter', 'startedBefore'] as const) {
    const value = filter[name];
    if (value !== undefined) query.append(name, value);
  }
  const text = query.toString();
  return `#/runs${text === '' ? '' : `?${text}`}`;
}

export const runHref = (id: string): string => `#/runs/${encodeURIComponent(id)}`;
export const bulkHref = (id: string): string => `#/bulk/${encodeURIComponent(id)}`;

export const route = signal<Route>(parseRoute(location.hash));

addEventListener('hashchange', () => {
  route.value = parseRoute(location.hash);
});

export function go(href: string): void {
  location.hash = href;
}
