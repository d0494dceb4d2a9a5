#!/usr/bin/env bash
# Runs the checker's tests where Bazel put them, with Debian's Python.
set -euo pipefail
/usr/bin/python3 -B tests/histories/checker_test.py
