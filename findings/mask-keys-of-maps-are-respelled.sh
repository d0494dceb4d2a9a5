#!/usr/bin/env bash
# Guess: a field mask may name one key of a map in backticks, as AIP-161 has it, and comes through
#   JSON unchanged: the key is data, not the name of a field.
# What happens: JSON's mapping of a mask turns snake_case into lowerCamelCase and back, in the
#   backticks too. With the key team_a the JSON says teamA; who reads teamA, as a key that is really
#   spelled so, gets team_a, which may be another entry; a mask with the key teamA has no JSON at
#   all; and a comma within a key cuts the path in two.
# Versions: protobuf 3.21.12 (Debian 12's python3-protobuf), @bufbuild/protobuf 2.17.0, Node.js 20.
# Why it matters: an update by such a mask changes the wrong entry of the map. Keys of other letters
#   than lower case go over gRPC, or as the whole map.
set -euo pipefail
version() { dpkg-query -W -f '${Version}' python3-protobuf 2>/dev/null || true; }
[ -n "$(version)" ] || apt-get install -y -qq python3-protobuf >/dev/null
case $(version) in 3.21.12-*) ;; *) echo "python3-protobuf is $(version), not 3.21.12" >&2; exit 1 ;; esac
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --loglevel=error @bufbuild/protobuf@2.17.0 >/dev/null
cat >mask.py <<'END2'
from google.protobuf.field_mask_pb2 import FieldMask


def printed(path):
    try:
        return FieldMask(paths=[path]).ToJsonString()
    except ValueError:
        return "an error"


def read(text):
    mask = FieldMask()
    mask.FromJsonString(text)
    return " and ".join(mask.paths)


for key in ("team_a", "teamA"):
    print(f"python prints the key {key}: {printed(f'labels.`{key}`')}")
for key in ("teamA", "a,b"):
    print(f"python reads the key {key}: {read(f'labels.`{key}`')}")
END2
cat >mask.mjs <<'END2'
import { create, fromJson, toJson } from '@bufbuild/protobuf';
import { FieldMaskSchema } from '@bufbuild/protobuf/wkt';

const printed = (path) => {
  try {
    return toJson(FieldMaskSchema, create(FieldMaskSchema, { paths: [path] }));
  } catch {
    return 'an error';
  }
};
for (const key of ['team_a', 'teamA']) {
  console.log(`protobuf-es prints the key ${key}: ${printed(`labels.\`${key}\``)}`);
}
for (const key of ['teamA', 'a,b']) {
  const { paths } = fromJson(FieldMaskSchema, `labels.\`${key}\``);
  console.log(`protobuf-es reads the key ${key}: ${paths.join(' and ')}`);
}
END2
seen=$(/usr/bin/python3 -B mask.py && node mask.mjs)
# shellcheck disable=SC2016
expected='python prints the key team_a: labels.`teamA`
python prints the key teamA: an error
python reads the key teamA: labels.`team_a`
python reads the key a,b: labels.`a and b`
protobuf-es prints the key team_a: labels.`teamA`
protobuf-es prints the key teamA: an error
protobuf-es reads the key teamA: labels.`team_a`
protobuf-es reads the key a,b: labels.`a and b`'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
