#include "ctl/client_options.h"
#include "ctl/message.h"
#include "ctl/run_print.h"
#include "runs/v1/lease.pb-c.h"

struct acknowledge_options {
    struct client_options client;
    int64_t attempt;
    const char *reason;
};

static const struct cli_option rows[] = {
    {.name = "--attempt",
     .value = "N",
     CLI_NUMBER_AT(struct acknowledge_options, attempt),
     .least = 0,
     .most = INT64_MAX,
     .default_help = "0: the run was never acquired",
     .help = "the attempt that stopped"},
    {.name = "--reason",
     .value = "TEXT",
     CLI_TEXT_AT(struct acknowledge_options, reason),
     .help = "what is to be said of it; kept with the run's events"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct acknowledge_options, client)},
    {rows, 0},
    {NULL, 0},
};

static int acknowledge(struct invocation *in) {
    const struct acknowledge_options *options = in->options;
    Runs__V1__AcknowledgeCancelRequest request = RUNS__V1__ACKNOWLEDGE_CANCEL_REQUEST__INIT;
    request.id = (char *)in->operands[0];
    request.attempt = options->attempt;
    if (options->reason != NULL) {
        request.reason = (char *)options->reason;
    }
    in->unknown_hint = "acknowledge it again: that may be done at will";
    return run_call_and_print(in, &options->client, "/runs.v1.RunsService/AcknowledgeCancel",
                              message_to_bytes(in->arena, &request));
}

const struct command runs_acknowledge_command = {
    .name = "runs acknowledge",
    .place = 276,
    .operands = "ID",
    .summary = "Says that the work of a cancelled run has really stopped.",
    .details = "Scope: runs.report. Exit code 4 says that the run is not cancelled, or that it\n"
               "is another attempt's.\n",
    .tables = tables,
    .options_size = sizeof(struct acknowledge_options),
    .operand_count = 1,
    .run = acknowledge,
};
