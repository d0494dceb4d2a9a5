#!/usr/bin/env bash
# Runs the benchmark's tests where Bazel put them, with Debian's Python.
set -euo pipefail
/usr/bin/python3 -B tests/bench/harness_test.py
/usr/bin/python3 -B tests/bench/instructions_test.py
/usr/bin/python3 -B tests/bench/soak_test.py
