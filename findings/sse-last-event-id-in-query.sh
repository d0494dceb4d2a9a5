#!/usr/bin/env bash
# Guess: a polyfill of EventSource resumes as browsers do, with the header Last-Event-ID, and
#   takes 204 for "do not come back".
# What happens: event-source-polyfill sends no such header: it appends lastEventId=... to the
#   address. An answer of 204 to a reconnect is no end for it: it comes again.
# Version: event-source-polyfill 1.0.31 (latest), fetch of Node.js 20.
# Why it matters: a server that refuses query parameters it does not know answers the first
#   connection and refuses every resume; one that reads the header alone starts again from
#   now and the client misses what lay between. lastEventIdQueryParameterName: '' switches
#   the parameter off, and nothing takes its place.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --loglevel=error \
    event-source-polyfill@1.0.31 >/dev/null
cat >try.mjs <<'END'
import http from 'node:http';
import polyfill from 'event-source-polyfill';

const requests = [];
const server = http.createServer((request, response) => {
  const header = 'last-event-id' in request.headers ? 'with the header' : 'no header';
  requests.push(`${request.url} ${header}`);
  if (requests.length > 1) {
    response.writeHead(204).end();
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end('retry: 50\nid: 41\ndata: a change\n\n');
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
new polyfill.EventSourcePolyfill(`http://127.0.0.1:${server.address().port}/runs`).onerror =
  () => {};
for (let tries = 0; tries < 200 && requests.length < 3; tries++) {
  await new Promise((done) => setTimeout(done, 100));
}
console.log(requests.slice(0, 3).join('\n'));
process.exit(0);
END
seen=$(node --no-warnings try.mjs 2>/dev/null)
expected='/runs no header
/runs?lastEventId=41 no header
/runs?lastEventId=41 no header'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
