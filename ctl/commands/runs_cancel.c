#include "ctl/client_options.h"
#include "ctl/message.h"
#include "ctl/run_print.h"
#include "runs/v1/runs_service.pb-c.h"

struct cancel_options {
    struct client_options client;
    const char *reason;
};

static const struct cli_option rows[] = {
    {.name = "--reason",
     .value = "TEXT",
     CLI_TEXT_AT(struct cancel_options, reason),
     .help = "why; kept with the run's events"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct cancel_options, client)},
    {rows, 0},
    {NULL, 0},
};

static int cancel(struct invocation *in) {
    const struct cancel_options *options = in->options;
    Runs__V1__CancelRunRequest request = RUNS__V1__CANCEL_RUN_REQUEST__INIT;
    request.id = (char *)in->operands[0];
    if (options->reason != NULL) {
        request.reason = (char *)options->reason;
    }
    in->unknown_hint = "cancel it again: the answer decides";
    return run_call_and_print(in, &options->client, "/runs.v1.RunsService/CancelRun",
                              message_to_bytes(in->arena, &request));
}

const struct command runs_cancel_command = {
    .name = "runs cancel",
    .place = 230,
    .operands = "ID",
    .summary = "Cancels a running or waiting run, for good. Scope: runs.cancel.",
    .details = "Exit code 4 says that the run had finished before, 6 that the outcome is not\n"
               "known: then cancel it again, the answer decides; runs get does not.\n",
    .tables = tables,
    .options_size = sizeof(struct cancel_options),
    .operand_count = 1,
    .run = cancel,
};
