#ifndef RUNSD_GATEWAY_FLAGS_H
#define RUNSD_GATEWAY_FLAGS_H

#include "base/cli/cli_option.h"
#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/process/descriptor_limit.h"
#include "gateway/options.h"

// The options of the command line that set up a gateway, for each program that has one in
// it.
struct gateway_flags {
    // Limits, http, transcoding, and web, which stays as it is unless it is given.
    struct gateway_options options;
    // How many HTTP connections were asked for, to be fitted into the limit of open files.
    struct descriptor_share connections;
    // What gateway_flags_finish makes options of.
    struct cli_list cors_origins;
    struct cli_list request_headers;
    struct cli_list response_headers;
    int web; // 1: on
    bool has_web;
    bool has_cors_max_age;
    bool has_buffered_bytes;
    bool has_reserved_calls;
};

// Their rows, for a cli_table of struct gateway_flags.
extern const struct cli_option gateway_flags_rows[];

// Completes flags->options once the command line was read. What it points to lives in a or
// as long as the arguments. INVALID_ARGUMENT for what contradicts itself or is no origin or
// mapping; the message names the option and what was given.
const struct error *gateway_flags_finish(struct arena *a, struct gateway_flags *flags);

#endif
