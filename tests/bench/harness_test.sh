#!/usr/bin/env bash
# Runs the benchmark's tests where Bazel put them, with Debian's Python.
set -euo pipefail
for name in harness wal_index runs bench_options instructions retention backup soak watch tls \
    tenants postgres; do
    /usr/bin/python3 -B "tests/bench/${name}_test.py"
done
