#!/usr/bin/env bash
# Guess: an Idempotency-Key that is a bare UUID, as most clients send it, is either fine for a reader of
#   structured fields (RFC 8941, what the draft of the IETF asks for: a string in quotes) or it is not.
# What happens: it depends on the UUID's first character. One that begins with a letter is read, as a
#   token; one that begins with a digit is an error, since it is taken for a number with something
#   behind it. Of random UUIDs (version 4) 6 of 16 pass and 10 of 16 fail; those that begin with the
#   time (version 7) all fail, for the next thousands of years. Some keys of digits alone pass too,
#   as numbers.
# Version: npm structured-headers 2.1.0.
# Why it matters: a server that reads the header by the book passes its test with one UUID and refuses
#   two of three requests later; "it works again after a retry" with a new key hides it. Read a
#   quoted string as the standard says, and anything else as it is.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --loglevel=error structured-headers@2.1.0 >/dev/null
cat >try.mjs <<'END2'
import {parseItem} from 'structured-headers';

function read(value) {
  try {
    const [item] = parseItem(value);
    return typeof item === 'object' ? item.constructor.name.toLowerCase() : typeof item;
  } catch {
    return 'error';
  }
}

const rest = '2345678-1234-4123-8123-123456789abc';
const first = {};
for (const digit of '0123456789abcdef') {
  (first[read(digit + rest)] ??= []).push(digit);
}
for (const [kind, digits] of Object.entries(first)) {
  console.log(`version 4, begins with ${digits.join('')}: ${kind}`);
}
console.log(`version 7: ${read('01a20819-fe8d-7028-8823-5bb0e1045447')}`);
console.log(`in quotes: ${read(`"1${rest}"`)}`);
console.log(`digits alone: ${read('20261130')}`);
END2
seen=$(node try.mjs)
expected='version 4, begins with 0123456789: error
version 4, begins with abcdef: token
version 7: error
in quotes: string
digits alone: number'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
