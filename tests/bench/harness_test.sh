#!/usr/bin/env bash
# Runs harness_test.py where Bazel put it, with Debian's Python.
set -euo pipefail
exec /usr/bin/python3 -B tests/bench/harness_test.py
