#!/usr/bin/env bash
# Guess: the client that @hey-api/openapi-ts generates for a text/event-stream does what a browser's
#   EventSource does: it tells events by their names, connects again when the stream ends, and takes
#   an answer that is not 200 for the end.
# What happens: all three the other way round. The generator yields the data of every event whatever
#   its name, so the last event of a failed stream looks like one more message; an orderly end ends
#   the generator without an attempt to resume; and 404 is asked again and again, with growing
#   pauses, for as long as the program runs. The name is given to the callback onSseEvent only, the
#   status to onSseError.
# Versions: @hey-api/openapi-ts 0.99.0, typescript 5.9.3, Node.js 20.
# Why it matters: a program of an API like ours that reads such a stream takes a failure for data and
#   a stop of the server for the end of the history. Give onSseEvent and look at the name, call again
#   with Last-Event-ID after an end, and set sseMaxRetryAttempts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
npm init -y >/dev/null
npm pkg set type=module
npm install --ignore-scripts --no-audit --no-fund --loglevel=error \
  @hey-api/openapi-ts@0.99.0 typescript@5.9.3 >/dev/null
cat >api.yaml <<'END2'
openapi: 3.1.0
info: {title: Changes, version: '1'}
paths:
  /changes:
    get:
      operationId: watch
      responses:
        '200': {description: changes, content: {text/event-stream: {schema: {type: object}}}}
  /gone:
    get:
      operationId: watchGone
      responses:
        '200': {description: changes, content: {text/event-stream: {schema: {type: object}}}}
END2
cat >tsconfig.json <<'END2'
{"compilerOptions": {"module": "nodenext", "target": "es2022", "lib": ["es2022", "dom",
  "dom.iterable", "esnext.asynciterable"], "outDir": "built", "skipLibCheck": true},
 "include": ["client"]}
END2
npx openapi-ts -i api.yaml -o client >/dev/null
npx tsc -p .
cat >watch.mjs <<'END2'
import http from 'node:http';
import { client } from './built/client.gen.js';
import { watch, watchGone } from './built/sdk.gen.js';

let opened = 0, asked = 0, askedAgain;
const thrice = new Promise((done) => { askedAgain = done; });
const server = http.createServer((request, response) => {
  if (request.url === '/gone') {
    if (++asked === 3) askedAgain();
    response.writeHead(404).end();
    return;
  }
  opened += 1;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end('id: 1\ndata: {"sequence":1}\n\nevent: failed\ndata: {"code":503}\n\n');
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
client.setConfig({ baseUrl: `http://127.0.0.1:${server.address().port}` });

const names = [];
const { stream } = await watch({ onSseEvent: (event) => names.push(event.event) });
for await (const change of stream) console.log(`yields ${JSON.stringify(change)}`);
console.log(`names for the callback: ${names.map(String).join(', ')}`);
console.log(`streams opened until the end: ${opened}`);

const stop = new AbortController();
const gone = await watchGone({ signal: stop.signal, sseDefaultRetryDelay: 1 });
const reading = gone.stream.next();
await thrice;
console.log('404: asked a third time');
stop.abort();
await reading;
server.close();
END2
seen=$(timeout 60 node watch.mjs)
expected='yields {"sequence":1}
yields {"code":503}
names for the callback: undefined, failed
streams opened until the end: 1
404: asked a third time'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
