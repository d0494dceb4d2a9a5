#!/usr/bin/env bash
# Guess: a path parameter may be named as the field that it sets, "item.name": the names in a
#   path template are any text without braces (OpenAPI 3.1.1, "Path Templating").
# What happens: Spectral's rule path-params looks for names of letters, digits, "_" and "-" alone,
#   does not see the parameter in the path, and reports an error for a valid document; Redocly's
#   linter takes it.
# Versions: @stoplight/spectral-cli 6.16.3, @redocly/cli 1.34.5; Node.js 20.
# Why it matters: paths of nested fields must be named otherwise ("item-name") for both to be content.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --loglevel=error \
    @stoplight/spectral-cli@6.16.3 @redocly/cli@1.34.5 >/dev/null
printf 'extends: ["spectral:oas"]\n' >rules.yaml
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
seen=$(for name in item.name item-name; do
    cat >document.json <<END
{"openapi": "3.1.1", "info": {"title": "t", "version": "1"}, "servers": [{"url": "/"}],
 "security": [],
 "paths": {"/a/{$name}": {"get": {"operationId": "a", "summary": "a",
  "parameters": [{"name": "$name", "in": "path", "required": true, "schema": {"type": "string"}}],
  "responses": {"200": {"description": "OK"}}}}}}
END
    node_modules/.bin/spectral lint --ruleset=rules.yaml document.json >said 2>&1 || true
    redocly=0
    node_modules/.bin/redocly lint --extends=recommended document.json >/dev/null 2>&1 || redocly=$?
    printf '%s: %d errors of path-params, Redocly exits with %d\n' "$name" \
        "$(grep -c 'error  path-params' said || true)" "$redocly"
done)
expected='item.name: 1 errors of path-params, Redocly exits with 0
item-name: 0 errors of path-params, Redocly exits with 0'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
