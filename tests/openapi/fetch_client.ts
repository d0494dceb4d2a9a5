// Creates, reads, lists and cancels a run, twice, by openapi-fetch; prints what it saw.
// Environment: BASE, TOKEN.
import createClient from 'openapi-fetch';
import type { components, paths } from './schema.js';

const { BASE, TOKEN } = process.env;
const client = createClient<paths>({
  baseUrl: BASE ?? '',
  headers: { Authorization: `Bearer ${TOKEN}` },
});

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('there is no value');
  return value;
}

const run: components['schemas']['runs.v1.Run-Input'] = {
  propValues: { amount: 12.5 },
  simulationForks: [{ chainId: 11297108109, forkId: 'palm', rpcUrl: 'http://127.0.0.1:1' }],
  workflowDefinition: { nodes: { root: { type: 'manual', children: [] } } },
  workflowVersion: 3,
};
const created = must((await client.POST('/v1/runs', { body: run })).data).data;
const path = { id: created.id };
const read = must((await client.GET('/v1/runs/{id}', { params: { path } })).data).data;
const listed = must(
  (await client.GET('/v1/runs', { params: { query: { status: ['running', 'waiting'] } } })).data,
).data;
const first = must((await client.POST('/v1/runs/{id}/cancel', { params: { path } })).data).data;
const again = await client.POST('/v1/runs/{id}/cancel', {
  params: { path },
  body: { reason: 'no longer needed' },
});
const refusal = must(again.error);
const status: 'running' | 'waiting' | 'success' | 'failure' | 'cancelled' = first.status;
const chain: number | undefined = read.simulationForks[0]?.chainId;

// @ts-expect-error: a field that is output only is not taken.
const wrong: components['schemas']['runs.v1.Run-Input'] = { ...run, status: 'running' };
// @ts-expect-error: there is no such filter.
const bad = () => client.GET('/v1/runs', { params: { query: { state: 'running' } } });

console.log(
  JSON.stringify({
    created: created.status,
    read: read.id === created.id && chain,
    listed: listed.runs.some((r) => r.id === created.id),
    cancelled: status,
    again: [again.response.status, refusal.error.reason, refusal.error.metadata['status']],
  }),
);
void [wrong, bad];
