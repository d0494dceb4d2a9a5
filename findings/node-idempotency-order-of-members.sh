#!/usr/bin/env bash
# Guess: a guard of Idempotency-Key takes two bodies that say the same for the same request.
# What happens: the body counts by its text once more as JSON: {"id","reason"} and {"reason","id"} under one
#   key are two requests, and the retry is refused as a misuse of the key. Quotes around the key, which the
#   draft of the IETF has and most clients leave out, make it another key: such a retry is done twice.
# Version: npm @node-idempotency/core 1.0.11 with @node-idempotency/storage-adapter-memory 1.0.2.
# Why it matters: members of an object have no order, and those who retry are often not those who asked:
#   a queue that keeps its messages in a database column of type jsonb, or a map of Go, sends them in another
#   one. Compare requests as decoded messages, and keys without their quotes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --loglevel=error \
    @node-idempotency/core@1.0.11 @node-idempotency/storage-adapter-memory@1.0.2 >/dev/null
cat >try.mjs <<'END2'
import {Idempotency} from '@node-idempotency/core';
import {MemoryStorageAdapter} from '@node-idempotency/storage-adapter-memory';

// What becomes of a retry of a request that was answered.
async function retry(name, retried) {
  const guard = new Idempotency(new MemoryStorageAdapter(), {});
  const request = {
    method: 'POST', path: '/runs', options: {},
    headers: {'idempotency-key': 'k'}, body: {id: 'r', reason: 'x'},
  };
  await guard.onRequest(request);
  await guard.onResponse(request, {body: 'the first answer'});
  try {
    const answer = await guard.onRequest({...request, ...retried});
    console.log(`${name}: ${answer?.body ?? 'a new request'}`);
  } catch (error) {
    console.log(`${name}: ${error.code}`);
  }
}

await retry('as it was', {});
await retry('members in another order', {body: {reason: 'x', id: 'r'}});
await retry('another reason', {body: {id: 'r', reason: 'y'}});
await retry('key in quotes', {headers: {'idempotency-key': '"k"'}});
process.exit(0);
END2
seen=$(node try.mjs)
expected='as it was: the first answer
members in another order: IDEMPOTENCY_FINGERPRINT_MISSMATCH
another reason: IDEMPOTENCY_FINGERPRINT_MISSMATCH
key in quotes: a new request'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
