#ifndef RUNSD_BENCH_LOAD_GRPC_ENGINE_H
#define RUNSD_BENCH_LOAD_GRPC_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/net/address.h"
#include "bench/load/load_report.h"
#include "bench/load/targets.h"

// Loads runs.v1.RunsService, or another service with its requests, in a closed loop over one
// channel: each of the calls outstanding is followed by the next as soon as it ended.

enum grpc_load_method { GRPC_LOAD_GET_RUN, GRPC_LOAD_CANCEL_RUN, GRPC_LOAD_CREATE_RUN };

struct grpc_load_options {
    struct address server;
    const char *service; // that has the method, as in "runs.v1.RunsService"
    enum grpc_load_method method;
    const char *token;             // bearer token; NULL: none is sent
    const struct targets *targets; // run ids
    uint64_t first_target;
    bool once;           // end after the last target instead of starting over
    int outstanding;     // 1 to GRPC_LOAD_OUTSTANDING_MAX
    uint64_t count;      // calls to make; 0: no bound
    int64_t duration_us; // how long to start calls; 0: no bound
};

enum { GRPC_LOAD_OUTSTANDING_MAX = 4096 };

// Reads "GetRun", "CancelRun" or "CreateRun"; INVALID_ARGUMENT if it is none.
const struct error *grpc_load_method_parse(struct arena *a, const char *name,
                                           enum grpc_load_method *ret);

// Runs the load to its end and fills *ret, which the caller zeroed; answers are
// counted by the name of their status code. Calls have no deadline.
void grpc_load_run(const struct grpc_load_options *options, struct load_report *ret);

#endif
