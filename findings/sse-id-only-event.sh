#!/usr/bin/env bash
# Guess: an event that has an "id:" and no data moves the last event id of every EventSource,
#   as the HTML standard (9.2.6) says and as browsers do, so that a server can send bare ids
#   as bookmarks and a client resumes behind them.
# What happens: undici and eventsource 5 resume at the bare id; eventsource 4, which npm picks
#   for Node.js 20, eventsource-client and launchdarkly-eventsource resume at the id of the
#   last event that had data: an event without data is dropped together with its id.
# Versions: undici 7.30.2, eventsource 5.1.5 and 4.1.1, eventsource-client 1.2.0,
#   launchdarkly-eventsource 2.2.0; Node.js 20.
# Why it matters: a feed whose bookmarks are bare ids never moves these clients: after a long
#   quiet time they resume below what is retained. A bookmark needs a data line.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --loglevel=error undici@7.30.2 \
    eventsource@5.1.5 eventsource4@npm:eventsource@4.1.1 eventsource-client@1.2.0 \
    launchdarkly-eventsource@2.2.0 >/dev/null
cat >try.mjs <<'END'
import http from 'node:http';
import { EventSource as Undici } from 'undici';
import { EventSource as Five } from 'eventsource';
import { EventSource as Four } from 'eventsource4';
import { createEventSource } from 'eventsource-client';
import LaunchDarkly from 'launchdarkly-eventsource';

const resumed = {};
const server = http.createServer((request, response) => {
  const name = request.url.slice(1);
  const last = request.headers['last-event-id'];
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('retry: 50\n\n');
  if (last === undefined) {
    response.end('id: 1\ndata: a change\n\nid: 7\n\n');
  } else {
    resumed[name] ??= last;
  }
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const url = (name) => `http://127.0.0.1:${server.address().port}/${name}`;
new Undici(url('undici'));
new Five(url('eventsource-5'));
new Four(url('eventsource-4'));
createEventSource({ url: url('eventsource-client') });
const quiet = new LaunchDarkly.EventSource(url('launchdarkly-eventsource'));
quiet.onerror = () => {};
const names = ['undici', 'eventsource-5', 'eventsource-4', 'eventsource-client',
  'launchdarkly-eventsource'];
for (let tries = 0; tries < 200 && names.some((name) => !(name in resumed)); tries++) {
  await new Promise((done) => setTimeout(done, 100));
}
for (const name of names) console.log(`${name} resumes behind ${resumed[name]}`);
process.exit(0);
END
seen=$(node --no-warnings try.mjs)
expected='undici resumes behind 7
eventsource-5 resumes behind 7
eventsource-4 resumes behind 1
eventsource-client resumes behind 1
launchdarkly-eventsource resumes behind 1'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
