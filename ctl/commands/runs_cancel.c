#include "ctl/client_options.h"
#include "ctl/command_error.h"
#include "ctl/duration_option.h"
#include "ctl/exit_code.h"
#include "ctl/message.h"
#include "ctl/run_print.h"
#include "runs/v1/runs_service.pb-c.h"

struct cancel_options {
    struct client_options client;
    const char *reason;
    const char *wait;
};

static const struct cli_option rows[] = {
    {.name = "--reason",
     .value = "TEXT",
     CLI_TEXT_AT(struct cancel_options, reason),
     .help = "why; kept with the run's events"},
    {.name = "--wait",
     .value = "TIME",
     CLI_TEXT_AT(struct cancel_options, wait),
     .default_help = "not at all",
     .help = "how long to wait, once it is cancelled, until its executor says that the work has "
             "stopped; --timeout-ms comes on top"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct cancel_options, client)},
    {rows, 0},
    {NULL, 0},
};

// Whether nothing can be at work on the cancelled run: its work has stopped, or never began.
static bool is_at_rest(const Runs__V1__Run *run) {
    return run->stopped_at != NULL ||
           (run->dispatch == RUNS__V1__RUN_DISPATCH__RUN_DISPATCH_LEASE && run->lease == NULL);
}

// The exit code of a cancel that was to wait.
static int check_stopped(const struct invocation *in, const char *wait, struct slice response) {
    Runs__V1__Run *run;
    const struct error *error =
        message_from_bytes(in->arena, &runs__v1__run__descriptor, response, &run);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    if (is_at_rest(run)) {
        return EXIT_CODE_OK;
    }
    command_error(in,
                  error_new(in->arena, STATUS_DEADLINE_EXCEEDED, REASON_NONE,
                            "the run \"%s\" is cancelled, but that its work has stopped is not "
                            "known after --wait %s",
                            run->id, wait),
                  "runsctl runs events --follow waits for it");
    return EXIT_CODE_NOT_YET;
}

static int cancel(struct invocation *in) {
    const struct cancel_options *options = in->options;
    Runs__V1__CancelRunRequest request = RUNS__V1__CANCEL_RUN_REQUEST__INIT;
    request.id = (char *)in->operands[0];
    if (options->reason != NULL) {
        request.reason = (char *)options->reason;
    }
    Google__Protobuf__Duration wait;
    const struct error *error =
        duration_option_read(in->arena, "--wait", options->wait, &wait, &request.wait);
    if (error != NULL) {
        return command_usage_error(in, "%s", error->message);
    }
    struct client_options patient = options->client;
    patient.timeout_ms += wait.seconds * 1000;
    in->unknown_hint = "cancel it again: the answer decides";
    struct slice response;
    int code = client_options_call(in, &patient, "/runs.v1.RunsService/CancelRun",
                                   message_to_bytes(in->arena, &request), &response);
    if (code == EXIT_CODE_OK) {
        code = run_print(in, response, NULL);
    }
    return code != EXIT_CODE_OK || options->wait == NULL
               ? code
               : check_stopped(in, options->wait, response);
}

const struct command runs_cancel_command = {
    .name = "runs cancel",
    .place = 230,
    .operands = "ID",
    .summary = "Cancels a running or waiting run, for good. Scope: runs.cancel.",
    .details = "Exit code 4 says that the run had finished before, 6 that the outcome is not\n"
               "known: then cancel it again, the answer decides; runs get does not. 7 says that\n"
               "it is cancelled, but its work not known to have stopped within --wait.\n",
    .tables = tables,
    .options_size = sizeof(struct cancel_options),
    .operand_count = 1,
    .run = cancel,
};
