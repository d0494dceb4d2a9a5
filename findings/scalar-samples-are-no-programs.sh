#!/usr/bin/env bash
# Guess: a sample that an API reference shows can be pasted into a file and run.
# What happens: those of @scalar/api-reference 1.76.0 are written by @scalar/snippetz, as fragments:
#   the one for Python's requests does not import requests (NameError), the one for JavaScript's
#   fetch neither waits nor prints. curl's and Go's run as they are.
# Versions: @scalar/snippetz 0.10.11, Node.js 20, Python 3.11.
# Why it matters: whoever pastes one sees an error, or nothing. A document's own x-codeSamples are
#   shown instead, so ours are written by web/samples.js and run by the tests as they are shown.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --loglevel=error @scalar/snippetz@0.10.11 >/dev/null
cat >write.mjs <<'END2'
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { spawn } from 'node:child_process';
import { snippetz } from '@scalar/snippetz';

const server = http.createServer((request, response) => response.end('{"code":200}'));
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const request = { method: 'POST', url: `http://127.0.0.1:${server.address().port}/` };
for (const [file, target, client, program] of [['sample.sh', 'shell', 'curl', 'bash'],
  ['sample.mjs', 'js', 'fetch', 'node'], ['sample.py', 'python', 'requests', '/usr/bin/python3']]) {
  writeFileSync(file, snippetz().print(target, client, request));
  const run = spawn(program, [file]);
  let out = '', errors = '';
  run.stdout.on('data', (piece) => { out += piece; });
  run.stderr.on('data', (piece) => { errors += piece; });
  await new Promise((done) => run.on('close', done));
  const error = /^\w+Error.*$/m.exec(errors)?.[0];
  console.log(`${client}: ${out.trim() || error || 'prints nothing'}`);
}
server.close();
END2
seen=$(node write.mjs)
expected="curl: {\"code\":200}
fetch: prints nothing
requests: NameError: name 'requests' is not defined"
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
