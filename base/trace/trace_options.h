#ifndef RUNSD_BASE_TRACE_TRACE_OPTIONS_H
#define RUNSD_BASE_TRACE_TRACE_OPTIONS_H

#include "base/cli/cli_option.h"
#include "base/trace/trace_settings.h"

// The options of every program that traces: --trace-endpoint, --trace-sample, --trace-header.

struct trace_options {
    const char *endpoint;
    const char *sample;
    struct cli_list headers;
    struct trace_settings settings; // once they are checked
};

// Their rows, for a cli_table of struct trace_options.
extern const struct cli_option trace_options_rows[];

// Checks them and sets settings, which live in a. INVALID_ARGUMENT, in a, for people.
const struct error *trace_options_finish(struct arena *a, struct trace_options *options);

#endif
