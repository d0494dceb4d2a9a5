#include <stdio.h>

#include "ctl/client_options.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "rpc/health_answer.h"

// Asks gRPC's health service, which wants no token: for the health check of a container, which has
// no other program.

static int health(struct invocation *in) {
    const struct client_options *options = in->options;
    struct slice response;
    int code =
        client_options_call(in, options, "/grpc.health.v1.Health/Check", SLICE_EMPTY, &response);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (!health_answer_serves(NULL, response)) {
        const struct error *error =
            error_new(in->arena, STATUS_UNAVAILABLE, REASON_NONE,
                      "the server at %s answers, and does not serve", options->server);
        return command_error(in, error, "it starts, stops or has lost its store: see its log");
    }
    puts(options->json ? "{\"status\":\"SERVING\"}" : "serving");
    return EXIT_CODE_OK;
}

const struct command health_command = {
    .name = "health",
    .place = 415,
    .operands = "",
    .summary = "Says whether the server serves; no token is needed.",
    .details = "Exit status 0: it serves; 6: it cannot be reached, or does not serve.\n",
    .tables = client_options_tables,
    .options_size = sizeof(struct client_options),
    .run = health,
};
