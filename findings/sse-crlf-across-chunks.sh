#!/usr/bin/env bash
# Guess: where a chunk of a stream ends makes no difference to a parser of server-sent events;
#   CR LF is one end of a line also when CR comes in one chunk and LF in the next.
# What happens: extended-eventsource takes the LF that begins the next chunk for another end
#   of a line: an event of two data lines becomes two events and an empty one. undici, fed by the same server, hands
#   over the one event that was sent.
# Versions: extended-eventsource 2.1.0, undici 7.30.2; Node.js 20.
# Why it matters: chunks are cut by proxies, not by the server: a server that ends lines with
#   a bare LF cannot be cut there, so ours does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --loglevel=error undici@7.30.2 \
    extended-eventsource@2.1.0 >/dev/null
cat >try.mjs <<'END'
import http from 'node:http';
import { EventSource as Undici } from 'undici';
import { EventSource as Extended } from 'extended-eventsource';

const pieces = ['data: one\r', '\ndata: two\r', '\n\r', '\ndata: end\r\n\r\n'];
const server = http.createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.socket.setNoDelay(true);
  let next = 0;
  const timer = setInterval(() => {
    if (next < pieces.length) response.write(pieces[next++]);
    else clearInterval(timer);
  }, 100);
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const url = `http://127.0.0.1:${server.address().port}/`;
const messages = (source) => new Promise((done) => {
  const all = [];
  source.onmessage = (event) => {
    all.push(event.data);
    if (event.data === 'end') done(JSON.stringify(all));
  };
});
console.log('undici', await messages(new Undici(url)));
console.log('extended-eventsource', await messages(new Extended(url)));
process.exit(0);
END
seen=$(node --no-warnings try.mjs 2>/dev/null)
expected='undici ["one\ntwo","end"]
extended-eventsource ["one","two","","","end"]'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
