#include "ctl/client_options.h"
#include "ctl/message.h"
#include "ctl/run_print.h"
#include "runs/v1/lease.pb-c.h"

struct release_options {
    struct client_options client;
    int64_t attempt;
    const char *reason;
};

static const struct cli_option rows[] = {
    {.name = "--attempt",
     .value = "N",
     CLI_NUMBER_AT(struct release_options, attempt),
     .is_required = true,
     .least = 1,
     .most = INT64_MAX,
     .help = "the attempt whose lease ends, as runs acquire printed it"},
    {.name = "--reason",
     .value = "TEXT",
     CLI_TEXT_AT(struct release_options, reason),
     .help = "why; kept with the run's events"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct release_options, client)},
    {rows, 0},
    {NULL, 0},
};

static int release(struct invocation *in) {
    const struct release_options *options = in->options;
    Runs__V1__ReleaseRunRequest request = RUNS__V1__RELEASE_RUN_REQUEST__INIT;
    request.id = (char *)in->operands[0];
    request.attempt = options->attempt;
    if (options->reason != NULL) {
        request.reason = (char *)options->reason;
    }
    in->unknown_hint = "release it again: that nobody holds it, or that another attempt does, says "
                       "that it was released";
    return run_call_and_print(in, &options->client, "/runs.v1.RunsService/ReleaseRun",
                              message_to_bytes(in->arena, &request));
}

const struct command runs_release_command = {
    .name = "runs release",
    .place = 274,
    .operands = "ID",
    .summary = "Gives a run's lease back, so that another executor can acquire the run.",
    .details = "Scope: runs.report. Exit code 4 says that the attempt does not hold the run.\n",
    .tables = tables,
    .options_size = sizeof(struct release_options),
    .operand_count = 1,
    .run = release,
};
