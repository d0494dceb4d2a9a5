// Cancels a run by the package runsd-openapi, twice under one key and once more; prints what it
// saw. Environment: BASE, TOKEN, RUN.
import { createRunsdClient, type components } from 'runsd-openapi';

const { BASE, TOKEN, RUN } = process.env;
const runsd = createRunsdClient({ baseUrl: BASE ?? '', token: async () => TOKEN ?? '' });
const params = { path: { id: RUN ?? '' } };

async function cancel(key: string) {
  return runsd.POST('/v1/runs/{id}/cancel', { params, headers: { 'Idempotency-Key': key } });
}

const first = await cancel(`${RUN}-1`);
const status: components['schemas']['runs.v1.Run']['status'] | undefined = first.data?.data.status;
const again = await cancel(`${RUN}-1`);
const other = await cancel(`${RUN}-2`);
// @ts-expect-error: there is no such path.
const wrong = () => runsd.GET('/v1/run');
const stranger = createRunsdClient({ baseUrl: BASE ?? '', token: 'nobody' });
const refused = await stranger.GET('/v1/runs/{id}', { params });
console.log(
  JSON.stringify({
    status,
    same: first.data?.data.finishedAt === again.data?.data.finishedAt,
    other: [other.response.status, other.error?.error.reason],
    refused: refused.response.status,
  }),
);
void wrong;
