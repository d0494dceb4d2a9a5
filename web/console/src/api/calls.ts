// The methods of the API that the console calls, by name.
import { fetchData, request, type Answer } from './http';
import type {
  BulkCancel, Caller, Counts, Outcome, Run, RunEvent, RunFilter, RunPage,
} from './types';

export interface Context {
  token: string;
  signal?: AbortSignal;
  etag?: string;
}

const runPath = (id: string, rest = ''): string => `v1/runs/${encodeURIComponent(id)}${rest}`;
const bulkPath = (id: string, rest = ''): string => `v1/bulkCancels/${encodeURIComponent(id)}${rest}`;

export const getCaller = (context: Context): Promise<Caller> =>
  fetchData({ ...context, path: 'v1/whoami' });

export interface ListQuery extends RunFilter {
  pageSize: number;
  pageToken?: string;
  watchCursor?: boolean;
}

export const listRuns = (context: Context, list: ListQuery): Promise<Answer<RunPage>> =>
  request({
    ...context,
    path: 'v1/runs',
    query: {
      pageSize: String(list.pageSize),
      pageToken: list.pageToken,
      status: list.status,
      workflowId: list.workflowId,
      startedAfter: list.startedAfter,
      startedBefore: list.startedBefore,
      watchCursor: list.watchCursor === true ? 'true' : undefined,
    },
  });

export const countRuns = (context: Context): Promise<Answer<Counts>> =>
  request({ ...context, path: 'v1/runs:count' });

export const getRun = (context: Context, id: string): Promise<Answer<Run>> =>
  request({ ...context, path: runPath(id) });

export const listEvents = (context: Context, id: string): Promise<Answer<{ events: RunEvent[] }>> =>
  request({ ...context, path: runPath(id, '/events') });

export const cancelRun = (
  context: Context, key: string, id: string, reason: string,
): Promise<Answer<Run>> =>
  request({ ...context, key, path: runPath(id, '/cancel'), body: reason === '' ? {} : { reason } });

export interface BulkRequest {
  ids?: string[];
  filter?: RunFilter;
  plan?: string;
  dryRun?: boolean;
  cascade?: boolean;
  reason?: string;
}

export const cancelRuns = (context: Context, key: string, body: BulkRequest): Promise<BulkCancel> =>
  fetchData({ ...context, key, path: 'v1/runs:cancel', body });

export const getBulk = (context: Context, id: string): Promise<Answer<BulkCancel>> =>
  request({ ...context, path: bulkPath(id) });

export const listBulks = (
  context: Context, pageToken: string,
): Promise<{ bulkCancels: BulkCancel[]; nextPageToken: string }> =>
  fetchData({ ...context, path: 'v1/bulkCancels', query: { pageSize: '50', pageToken } });

export const abortBulk = (context: Context, id: string): Promise<BulkCancel> =>
  fetchData({ ...context, path: bulkPath(id, '/abort'), body: {} });

export const listOutcomes = (
  context: Context, id: string, outcome: Outcome | '', pageToken: string,
): Promise<{ outcomes: { runId: string; outcome: Outcome }[]; nextPageToken: string }> =>
  fetchData({
    ...context, path: bulkPath(id, '/outcomes'), query: { outcome, pageSize: '100', pageToken },
  });
