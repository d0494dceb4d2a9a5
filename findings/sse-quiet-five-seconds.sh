#!/usr/bin/env bash
# Guess: a client of server-sent events without a read time-out waits as long as the stream
#   is open.
# What happens: launchdarkly-eventsource ends a stream that was quiet for 5 s and connects
#   again, though no time-out was set: the global agent of Node.js (since 19) has a time-out
#   of 5 s, which others take for idle sockets between requests, and the package listens to
#   the request's "timeout". With an agent of one's own that has none, the stream stays.
# Versions: launchdarkly-eventsource 2.2.0, Node.js 20 (node --version is printed).
# Why it matters: such a client behind heartbeats every 15 s reconnects for ever, and each
#   reconnect costs a request and a resume. Heartbeats below 5 s, or an agent, keep it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --loglevel=error \
    launchdarkly-eventsource@2.2.0 >/dev/null
cat >try.mjs <<'END'
import http from 'node:http';
import LaunchDarkly from 'launchdarkly-eventsource';

const connections = {};
const server = http.createServer((request, response) => {
  const name = request.url.slice(1);
  connections[name] = (connections[name] ?? 0) + 1;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('retry: 50\ndata: hello\n\n');
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const open = (name, options) => {
  const url = `http://127.0.0.1:${server.address().port}/${name}`;
  const source = new LaunchDarkly.EventSource(url, options);
  source.onerror = () => {};
};
open('default', {});
open('own-agent', { agent: new http.Agent({ keepAlive: true }) });
// Until the default one has come twice more, at most 40 s.
for (let tries = 0; tries < 400 && !(connections.default >= 3); tries++) {
  await new Promise((done) => setTimeout(done, 100));
}
console.log('default', connections.default >= 3 ? 'connects again and again' : 'stays');
console.log('own-agent', connections['own-agent'] === 1 ? 'stays' : 'connects again and again');
process.exit(0);
END
node --version
seen=$(node --no-warnings try.mjs)
expected='default connects again and again
own-agent stays'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
