// Creates, reads, lists and cancels a run, twice, by @hey-api/openapi-ts; prints what it saw.
// Environment: BASE, TOKEN.
import { createClient } from './hey/client/index.js';
import {
  runsV1RunsServiceCancelRun,
  runsV1RunsServiceCreateRun,
  runsV1RunsServiceGetRun,
  runsV1RunsServiceListRuns,
} from './hey/sdk.gen.js';
import type { RunsV1RunInput } from './hey/types.gen.js';

const { BASE, TOKEN } = process.env;
const client = createClient({ baseUrl: BASE ?? '', auth: () => TOKEN });

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('there is no value');
  return value;
}

const body: RunsV1RunInput = {
  propValues: { amount: 12.5 },
  simulationForks: [{ chainId: 11297108109, forkId: 'palm', rpcUrl: 'http://127.0.0.1:1' }],
  workflowDefinition: { nodes: { root: { type: 'manual', children: [] } } },
  workflowVersion: 3,
};
const created = must((await runsV1RunsServiceCreateRun({ client, body })).data).data;
const path = { id: created.id };
const read = must((await runsV1RunsServiceGetRun({ client, path })).data).data;
const query = { status: ['running' as const, 'waiting' as const] };
const listed = must((await runsV1RunsServiceListRuns({ client, query })).data).data;
const first = must((await runsV1RunsServiceCancelRun({ client, path })).data).data;
const again = await runsV1RunsServiceCancelRun({ client, path, body: { reason: 'no use' } });
const refusal = must(again.error);
const status: 'running' | 'waiting' | 'success' | 'failure' | 'cancelled' = first.status;

// @ts-expect-error: a field that is output only is not taken.
const wrong: RunsV1RunInput = { ...body, status: 'running' };

console.log(
  JSON.stringify({
    created: created.status,
    read: read.id === created.id && read.simulationForks[0]?.chainId,
    listed: listed.runs.some((r) => r.id === created.id),
    cancelled: status,
    again: [again.response.status, refusal.error.reason, refusal.error.metadata['status']],
  }),
);
void wrong;
