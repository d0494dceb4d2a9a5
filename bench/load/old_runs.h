#ifndef RUNSD_BENCH_LOAD_OLD_RUNS_H
#define RUNSD_BENCH_LOAD_OLD_RUNS_H

#include "base/core/strbuf.h"
#include "bench/load/op_pool.h"

// Runs that a store has had for long before it is measured: sample runs
// (bench/load/sample_run.h) of an organization as CreateRun stores them, one a
// second, every other one cancelled. Their ids are "old-" and 16 digits from 1.

// What all of them have in common.
struct old_runs {
    struct slice organization;
    struct strbuf request; // a CreateRunRequest
    struct slice message;  // the run in it
};

void old_runs_init(struct old_runs *r, struct slice organization);
void old_runs_release(struct old_runs *r);

// How many operations make so many runs.
uint64_t old_runs_operations(uint64_t runs);

// Fills in operation number, counted from 0, which are to be submitted in their
// order. context is the struct old_runs.
void old_runs_fill(void *context, struct op_slot *slot, uint64_t number);

#endif
