// An executor: acquires runs, runs the command of each, and stops it when the run is cancelled.
// RUNSD_TOKEN=... node executor.mjs ADDRESS PROTOS; LEASE_S, GRACE_S and SLOTS are read from the
// environment, too. PROTOS is the folder that script/protos packs.
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

const [address, protos] = process.argv.slice(2);
const LEASE_S = Number(process.env.LEASE_S ?? 30); // a run that is not renewed for so long is another's
const GRACE_S = Number(process.env.GRACE_S ?? 10); // from a child's TERM to its KILL
const SLOTS = Number(process.env.SLOTS ?? 4); // children at once
const holder = `${hostname()}-${process.pid}-${randomUUID()}`; // a fresh name at each start
const lease = { holder, duration: { seconds: LEASE_S } };
const wait = { seconds: Math.min(5, Math.floor(LEASE_S / 2)) }; // for a run, if there is none
// Restarts, proxies and limits end calls and streams with all of these.
const AGAIN = ['UNAVAILABLE', 'INTERNAL', 'UNKNOWN', 'RESOURCE_EXHAUSTED', 'DEADLINE_EXCEEDED', 'CANCELLED']
  .map((name) => grpc.status[name]);

const definition = loader.loadSync(
  ['runs/v1/runs_service.proto', 'google/rpc/status.proto', 'google/rpc/error_details.proto'],
  { includeDirs: [protos], longs: String, enums: String, defaults: true, oneofs: true });
const { RunsService } = grpc.loadPackageDefinition(definition).runs.v1;
const runs = new RunsService(address, grpc.credentials.createInsecure(), {
  'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 2000,
  'grpc.keepalive_time_ms': 20000 }); // to notice a connection that a proxy forgot
const metadata = new grpc.Metadata();
metadata.set('authorization', `Bearer ${process.env.RUNSD_TOKEN}`);
delete process.env.RUNSD_TOKEN; // no child is to have it
const works = new Set(); // what is held: id, attempt, until (our clock), stop(why)
let stopping = false; // the executor itself
let polling; // the call of AcquireRuns
let isDue = false; // a renewal
let wake = () => {};

function renewNow() {
  isDue = true;
  wake();
}

function signalGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {} // nothing is left of it
}

// Waits before the next try: longer each time, and random, so that many do not come at once.
async function pause(error, tries) {
  if (!AGAIN.includes(error.code)) throw error;
  console.error(`trying again: ${error.message}`);
  await sleep(Math.min(100 * 2 ** tries, 5000) * (0.5 + Math.random() / 2));
}

// Calls until there is an answer; what a call did whose answer was lost, the next answer says.
async function call(method, request) {
  for (let tries = 0; ; tries++) {
    try {
      return await new Promise((resolve, reject) => {
        const options = { deadline: Date.now() + 10000 };
        const started = runs[method](request, metadata, options, (error, reply) =>
          error ? reject(error) : resolve(reply));
        if (method === 'AcquireRuns') polling = started;
      });
    } catch (error) {
      if (method === 'AcquireRuns' && stopping) return { runs: [] };
      await pause(error, tries);
    }
  }
}

// The ErrorInfo of an error that the server made; an empty one of one that gRPC made itself.
function errorInfo(error) {
  for (const bytes of error.metadata?.get('grpc-status-details-bin') ?? [])
    for (const detail of definition['google.rpc.Status'].deserialize(bytes).details)
      if (detail.type_url.endsWith('/google.rpc.ErrorInfo'))
        return definition['google.rpc.ErrorInfo'].deserialize(detail.value);
  return { reason: '', metadata: {} };
}

// Takes a run whenever there is a free slot.
async function acquire() {
  while (!stopping) {
    if (works.size >= SLOTS) {
      await Promise.race([...works].map((work) => work.done));
      continue;
    }
    const asked = performance.now();
    for (const { run, attempt } of (await call('AcquireRuns', { lease, maxRuns: 1, wait })).runs) {
      const work = { id: run.id, attempt, until: asked + LEASE_S * 1000 };
      work.asked = new Promise((resolve) => (work.stop = resolve));
      works.add(work);
      work.done = execute(run, work);
      renewNow();
    }
  }
}

// Runs the run's command to its end, or until it is to stop; then says so to the server.
async function execute(run, work) {
  console.error(`acquired ${work.id} #${work.attempt}`);
  const command = run.propValues?.fields.command?.stringValue || 'exit 64';
  const child = spawn('sh', ['-c', command], { stdio: 'inherit', detached: true,
    env: { ...process.env, RUN_ID: work.id, ATTEMPT: work.attempt } });
  const end = once(child, 'exit').then(([code, signal]) => ({ code: code ?? signal }));
  const expiry = setInterval(() => {
    if (performance.now() > work.until) work.stop('lost'); // nothing was heard for a whole lease:
  }, 100); // another may work on it now
  const { why, code } = await Promise.race([end, work.asked.then((why) => ({ why }))]);
  clearInterval(expiry);
  if (why) {
    console.error(`stopping ${work.id} #${work.attempt}: ${why}`);
    signalGroup(child, 'SIGTERM');
    await Promise.race([end, sleep(GRACE_S * 1000, null, { ref: false })]);
  }
  signalGroup(child, 'SIGKILL'); // and what it has left behind: stopped means all of it
  await end;
  const said = await settle(work, why, code);
  works.delete(work);
  console.error(`done with ${work.id} #${work.attempt}: ${said}`);
}

// Says to the server what became of the work; returns what was said.
async function settle({ id, attempt }, why, code) {
  try {
    if (why === 'lost') return 'nothing said'; // it may be another's: nothing of it is ours to say
    if (why === 'cancelled') return (await call('AcknowledgeCancel', { id, attempt })) && 'acknowledged';
    if (why === 'released') return (await call('ReleaseRun', { id, attempt })) && 'released';
    const status = `RUN_STATUS_${code === 0 ? 'SUCCESS' : 'FAILURE'}`;
    await call('ReportRun', { id, attempt, status, reason: `exit code ${code}` });
    return `reported exit code ${code}`;
  } catch (error) {
    const { reason, metadata: { status } } = errorInfo(error);
    if (status === 'cancelled' && reason !== 'ATTEMPT_STALE' && why !== 'cancelled')
      return settle({ id, attempt }, 'cancelled', code); // and we had not heard of it when it ended
    // RUN_ALREADY_FINISHED may be our own report, whose answer was lost.
    return `refused: ${reason || error.message} ${status ?? ''}`;
  }
}

// Renews what is held, often enough that a failure costs no lease; stops what is not ours.
async function renew() {
  for (;;) {
    const woken = new Promise((resolve) => (wake = resolve));
    if (!isDue) await Promise.race([sleep((LEASE_S * 1000) / 3), woken]);
    isDue = false;
    const held = [...works];
    const asked = performance.now();
    const leases = held.map(({ id, attempt }) => ({ runId: id, attempt }));
    const { renewals } = await call('RenewLeases', { lease, leases });
    renewals.forEach(({ state, status }, i) => {
      if (state === 'LEASE_STATE_HELD') held[i].until = asked + LEASE_S * 1000;
      else held[i].stop(status === 'RUN_STATUS_CANCELLED' ? 'cancelled' : 'lost');
    });
  }
}

// Has all renewed at once when something happens to what is held: the renewal says what.
async function watch() {
  for (let cursor = '', tries = 0; ; tries++) {
    try {
      for await (const message of runs.WatchRuns({ holder, cursor }, metadata)) {
        cursor = message.cursor || cursor;
        tries = 0;
        if (message.change && [...works].some(({ id }) => id === message.change.runId)) renewNow();
      }
      await sleep(1000); // an end in good order
    } catch (error) {
      renewNow(); // for what is missed meanwhile
      if (error.code === grpc.status.OUT_OF_RANGE) cursor = ''; // CURSOR_EXPIRED: not kept so long
      else await pause(error, tries);
    }
  }
}

console.error(`holder ${holder}`);
const stopped = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
try {
  await Promise.race([stopped, acquire(), renew(), watch()]);
} catch (error) { // one cannot go on, since the token was revoked say
  console.error(error);
  process.exitCode = 1;
}
stopping = true;
polling?.cancel(); // takes no more runs
for (; works.size > 0; await sleep(10)) for (const work of works) work.stop('released');
process.exit();
