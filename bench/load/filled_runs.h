#ifndef RUNSD_BENCH_LOAD_FILLED_RUNS_H
#define RUNSD_BENCH_LOAD_FILLED_RUNS_H

#include <stdint.h>
#include <stdio.h>

#include "base/core/request_id.h"
#include "base/core/strbuf.h"
#include "bench/load/op_pool.h"

// Runs that a store holds before it is measured: sample runs (bench/load/sample_run.h) of an
// organization, stored by the operation that CreateRun submits, with ids and times as it makes
// them (server/service/methods/create_run.c). Every N-th stays running; the others are finished
// soon after their creation, cancelled and successful in turn.

enum { FILLED_RUNS_EVERY_MAX = 1000 };

struct filled_runs {
    struct slice organization;
    int organizations; // 1: all are organization's; else they go in turns to ORGANIZATION-0 ...
    uint64_t count;
    uint64_t every;        // the run stays running whose number, from 1, is a multiple of it
    FILE *ids;             // a line for each run, in the order of creation; NULL: not written
    FILE *running_ids;     // the same of those that stay running
    struct strbuf request; // a CreateRunRequest
    struct slice message;  // the run in it
    char group[FILLED_RUNS_EVERY_MAX][UUID_TEXT_SIZE]; // the ids of the newest runs
};

// Fills in *r for count runs, every N-th of them running (1 to FILLED_RUNS_EVERY_MAX), of one
// organization, which is borrowed.
void filled_runs_init(struct filled_runs *r, struct slice organization, uint64_t count,
                      uint64_t every);
void filled_runs_release(struct filled_runs *r);

// How many operations make them.
uint64_t filled_runs_operations(const struct filled_runs *r);

// Fills in operation number, counted from 0, which are to be submitted once and in their
// order. context is the struct filled_runs.
void filled_runs_fill(void *context, struct op_slot *slot, uint64_t number);

#endif
