#ifndef RUNSD_CTL_RUN_FILTER_H
#define RUNSD_CTL_RUN_FILTER_H

#include "base/cli/cli_option.h"
#include "base/core/arena.h"
#include "base/core/error.h"
#include "runs/v1/bulk.pb-c.h"

// Which runs a bulk cancel is about: its options, and the filter in words.

struct run_filter_options {
    struct cli_list status;
    const char *workflow;
    const char *source_run;
    const char *lease_holder;
    const char *older_than;
    const char *started_after;
    const char *started_before;
};

// Their rows, for a cli_table of struct run_filter_options.
extern const struct cli_option run_filter_options_rows[];

// A filter, and what its pointers lead to.
struct run_filter {
    Runs__V1__RunFilter message;
    Google__Protobuf__Timestamp after;
    Google__Protobuf__Timestamp before;
    bool is_given; // at least one of the options was
};

// Reads the options. INVALID_ARGUMENT, in a, naming the option and what was given: an empty text,
// too, since a filter that is left out where a variable of a script is empty lets far more runs
// through.
const struct error *run_filter_read(struct arena *a, const struct run_filter_options *options,
                                    int64_t now_us, struct run_filter *ret);

// "running, of workflow "w", started before 2026-11-30T07:00:00Z"; lives in a.
const char *run_filter_text(struct arena *a, const Runs__V1__RunFilter *filter);

#endif
