#!/usr/bin/env bash
# Guess: npm ci refuses a lock file that leaves out what a package in it depends on: it says of
#   itself that it ends with an error where package.json and the lock file do not match.
# What happens: it compares what package.json asks for alone. What the packages themselves ask for
#   it takes from the lock file: an entry without "dependencies" is installed without them, npm ci
#   ends with 0 and prints no warning, npm install leaves such a lock file as it is, and npm ls says
#   that nothing is missing. Only the program that needs them fails.
# Versions: npm 11.19.1 and 9.2.0 (Debian 12's); lockfileVersion 3.
# Why it matters: a lock file that a bad merge has cut installs without a word and fails later. And
#   it is of use: of a package that ships a bundle for browsers the bundle alone can be had, with its
#   hash checked: @scalar/api-reference is then 1 package instead of 284.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
name=debug version=4.4.3 # depends on ms
integrity=$(npm view "$name@$version" dist.integrity)
cat >package.json <<END2
{"name": "try", "version": "1.0.0", "dependencies": {"$name": "$version"}}
END2
cat >package-lock.json <<END2
{
  "name": "try",
  "version": "1.0.0",
  "lockfileVersion": 3,
  "requires": true,
  "packages": {
    "": {"name": "try", "version": "1.0.0", "dependencies": {"$name": "$version"}},
    "node_modules/$name": {"version": "$version", "integrity": "$integrity"}
  }
}
END2
told=$(npm ci --ignore-scripts --no-audit --no-fund 2>&1)
before=$(node -p 'Object.keys(require("./package-lock.json").packages).join(" ")')
npm install --ignore-scripts --no-audit --no-fund --package-lock-only >/dev/null 2>&1
after=$(node -p 'Object.keys(require("./package-lock.json").packages).join(" ")')
seen="npm ci: $(grep -ciE 'warn|error' <<<"$told" || true) warnings; installed: $(cd node_modules && echo *)
npm install keeps the lock file: $([ "$before" = "$after" ] && echo yes || echo no)
npm ls: $(npm ls --all 2>&1 | grep -ciE 'missing|unmet' || true) missing
node: $(node -e 'require("debug")' 2>&1 | grep -o "Cannot find module '[a-z]*'" | head -1 || true)"
expected="npm ci: 0 warnings; installed: debug
npm install keeps the lock file: yes
npm ls: 0 missing
node: Cannot find module 'ms'"
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
