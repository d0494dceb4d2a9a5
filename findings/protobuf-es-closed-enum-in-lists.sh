#!/usr/bin/env bash
# Guess: a number that a closed enum does not have is an unknown field, wherever it stands: the
#   specification of editions says so of singular fields, elements of lists and values of maps.
# What happens: of a singular field protobuf-es keeps it among the unknown fields; of lists and maps
#   it is an element like any other, in the message as in the JSON, where it is a bare number. So one
#   message holds the same number as unknown and as known, and its JSON is none that the reader of
#   a library which follows the specification takes.
# Versions: @bufbuild/protobuf 2.17.0, @bufbuild/buf 1.75.0 (which compiles edition 2023), Node.js 20.
# Why it matters: a newer service sends a new value in a list; behind a gateway that follows the
#   specification the element is missing, for this client it is a number that no case handles.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --loglevel=error \
  @bufbuild/protobuf@2.17.0 @bufbuild/buf@1.75.0 >/dev/null
mkdir protos
cat >protos/paint.proto <<'END2'
edition = "2023";
package paint;
enum Shade {
  option features.enum_type = CLOSED;
  LIGHT = 1;
  DARK = 2;
}
message Wall {
  Shade one = 1;
  repeated Shade many = 2;
  map<string, Shade> named = 3;
}
END2
npx buf build protos -o paint.binpb
cat >read.mjs <<'END2'
import { readFileSync } from 'node:fs';
import { createFileRegistry, fromBinary, toJsonString } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

const set = fromBinary(FileDescriptorSetSchema, readFileSync('paint.binpb'));
const Wall = createFileRegistry(set).getMessage('paint.Wall');
// one: 7, many: [1, 7], named: {k: 7}
const bytes = Uint8Array.from([8, 7, 18, 2, 1, 7, 26, 5, 10, 1, 0x6b, 16, 7]);
const wall = fromBinary(Wall, bytes);
console.log(`unknown: fields ${(wall.$unknown ?? []).map((field) => field.no)}`);
console.log(`many: ${wall.many}, named: ${JSON.stringify(wall.named)}`);
console.log(toJsonString(Wall, wall));
END2
seen=$(node read.mjs)
expected='unknown: fields 1
many: 1,7, named: {"k":7}
{"many":["LIGHT",7],"named":{"k":7}}'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
