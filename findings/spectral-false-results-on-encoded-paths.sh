#!/usr/bin/env bash
# Guess: Spectral's rules for OpenAPI take a document with a percent-encoded path ("/a%20b") as one
#   with a plain path, and whatever makes the exit status 1 is printed.
# What happens: if an operation of an encoded path has a $ref, rules look for its members where
#   there is nothing: its description, operationId and tags are reported as missing, with neither
#   path nor line. The usual output ("stylish") does not show such results: with
#   --fail-severity=hint the exit status is 1 and nothing is printed. The JSON output has them.
# Versions: @stoplight/spectral-cli 6.16.3; Node.js 20.
# Why it matters: a clean document fails a build without a word; no other path of it may be blamed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --loglevel=error \
    @stoplight/spectral-cli@6.16.3 >/dev/null
printf 'extends: ["spectral:oas"]\n' >rules.yaml
seen=$(for path in /ab /a%20b; do
    cat >document.json <<END
{"openapi": "3.1.1", "info": {"title": "t", "version": "1", "description": "d", "contact": {}},
 "servers": [{"url": "/"}], "tags": [{"name": "t"}],
 "paths": {"$path": {"get": {"operationId": "a", "tags": ["t"], "description": "d", "responses": {
  "200": {"description": "OK"}, "404": {"\$ref": "#/components/responses/R"}}}}},
 "components": {"responses": {"R": {"description": "no"}}}}
END
    lint=(node_modules/.bin/spectral lint --ruleset=rules.yaml --fail-severity=hint document.json)
    status=0
    said=$("${lint[@]}" 2>&1) || status=$?
    "${lint[@]}" --format=json >results.json || true
    printf '%s: exit status %d, printed %d lines, %d results: %s\n' "$path" "$status" \
        "$(grep -c . <<<"$said" || true)" "$(grep -c '"code"' results.json || true)" \
        "$(sed -n 's/.*"code": "\(.*\)",/\1/p' results.json | sort -u | tr '\n' ' ')"
done)
expected='/ab: exit status 0, printed 1 lines, 0 results: 
/a%20b: exit status 1, printed 0 lines, 3 results: operation-description operation-operationId operation-tags '
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
