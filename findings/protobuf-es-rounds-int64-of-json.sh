#!/usr/bin/env bash
# Guess: fromJsonString of a strict protobuf library either keeps an int64 of JSON or refuses it;
#   proto3 JSON lets an int64 be a number or a string, and other libraries read both exactly.
# What happens: protobuf-es reads JSON by JSON.parse, so a number above 2^53 has been rounded
#   before the library sees it. It takes what is no longer what the text says, without an error,
#   though it refuses a fraction or a number beyond int64. A string is read exactly. Python's
#   json_format reads both exactly.
# Versions: @bufbuild/protobuf 2.17.0, Node.js 20 (node --version is printed), python3-protobuf
#   3.21.12 (Debian 12).
# Why it matters: an API that sends 64-bit numbers as JSON numbers is read wrongly by generated
#   types, which are bigint and look exact. Ids and versions of others are the ones that break.
set -euo pipefail
dpkg-query -W -f '${Version}\n' python3-protobuf 2>/dev/null | grep -q '^3\.21\.12-' ||
    apt-get install -y -qq --no-install-recommends 'python3-protobuf=3.21.12-*' >/dev/null
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --loglevel=error @bufbuild/protobuf@2.17.0 >/dev/null
cat >try.mjs <<'END_OF_SCRIPT'
import { fromJsonString } from '@bufbuild/protobuf';
import { Int64ValueSchema } from '@bufbuild/protobuf/wkt';

for (const text of ['9007199254740993', '"9007199254740993"', '0.5', '9223372036854775808']) {
  let read = 'refused';
  try {
    read = fromJsonString(Int64ValueSchema, text).value;
  } catch {}
  console.log(`protobuf-es: ${text} is ${read}`);
}
END_OF_SCRIPT
cat >try.py <<'END_OF_SCRIPT'
from google.protobuf import json_format, wrappers_pb2

for text in ("9007199254740993", '"9007199254740993"'):
    print(f"json_format: {text} is {json_format.Parse(text, wrappers_pb2.Int64Value()).value}")
END_OF_SCRIPT
node --version
seen=$(node try.mjs && /usr/bin/python3 -B try.py)
expected='protobuf-es: 9007199254740993 is 9007199254740992
protobuf-es: "9007199254740993" is 9007199254740993
protobuf-es: 0.5 is refused
protobuf-es: 9223372036854775808 is refused
json_format: 9007199254740993 is 9007199254740993
json_format: "9007199254740993" is 9007199254740993'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
