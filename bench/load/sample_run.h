#ifndef RUNSD_BENCH_LOAD_SAMPLE_RUN_H
#define RUNSD_BENCH_LOAD_SAMPLE_RUN_H

#include "base/core/slice.h"
#include "base/core/strbuf.h"

// The run that the benchmarks create: all fields set, a workflow of five nodes,
// about 1.5 kB as the gateway's JSON reply.

// Appends the wire bytes of a runs.v1.CreateRunRequest for a sample run of that
// id.
void sample_run_append_request(struct strbuf *out, struct slice id);

#endif
