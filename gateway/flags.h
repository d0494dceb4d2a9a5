#ifndef RUNSD_GATEWAY_FLAGS_H
#define RUNSD_GATEWAY_FLAGS_H

#include "base/cli/cli_option.h"
#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/process/descriptor_limit.h"
#include "gateway/options.h"

// The command line options that configure a gateway, shared by the programs that contain
// one.
struct gateway_flags {
    // Limits, http, transcoding, and web, which keeps its value unless --web is given.
    struct gateway_options options;
    // How many HTTP connections are configured, to be fitted into the limit on open files.
    struct descriptor_share connections;
    // Values that gateway_flags_finish converts into options.
    struct cli_list cors_origins;
    struct cli_list request_headers;
    struct cli_list response_headers;
    struct cli_list ignored_query;
    struct cli_list trusted_addresses;
    int query_unknown; // 1: ignored
    int json_numbers;  // 1: round
    int forwarded_for; // 1: appended
    int web;           // 1: on
    bool has_web;
    bool has_cors_max_age;
    bool has_buffered_bytes;
    bool has_reserved_calls;
};

// Their rows, for a cli_table of struct gateway_flags.
extern const struct cli_option gateway_flags_rows[];

// Completes flags->options once the command line is read. What they point to lives in a or
// as long as the arguments. INVALID_ARGUMENT, in a, for options that contradict each other
// and for an invalid origin or mapping; the message names the option and the value given.
const struct error *gateway_flags_finish(struct arena *a, struct gateway_flags *flags);

#endif
