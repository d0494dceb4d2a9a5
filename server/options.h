#ifndef RUNSD_SERVER_OPTIONS_H
#define RUNSD_SERVER_OPTIONS_H

#include "base/cli/cli_option.h"
#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/process/descriptor_limit.h"
#include "server/runsd.h"

// The options of the command line that set up a server, for each program that has one in
// it.
struct server_options {
    struct runsd_options runsd;
    // How many gRPC connections were asked for, to be fitted into the limit of open files.
    struct descriptor_share connections;
    const char *feed_max_age;    // a length of time
    const char *idempotency_ttl; // the same
    const char *retain_finished; // the same; NULL: no end
    const char *bulk_max_age;    // the same
    const char *demo_token;      // see server/demo_token.h; NULL: none
};

// Their rows, for a cli_table of struct server_options.
extern const struct cli_option server_options_rows[];

// Completes options once the command line was read: the server listens to the addresses in
// listen, the values of the option called name, or, if there are none, to those that go with
// its store (runsd_default_listeners). What is pointed to lives in a. INVALID_ARGUMENT for
// what is no address, with name and what was given, and for a demo token of a store that outlives
// the process.
const struct error *server_options_finish(struct arena *a, struct server_options *options,
                                          const char *name, const struct cli_list *listen);

#endif
