#include "ctl/client_options.h"
#include "ctl/message.h"
#include "ctl/run_print.h"
#include "runs/v1/runs_service.pb-c.h"

enum { CANCEL_REASON = CLIENT_OPTION_COUNT, CANCEL_OPTION_COUNT };

static const struct option options[] = {
    CLIENT_OPTIONS,
    [CANCEL_REASON] = {.name = "--reason",
                       .kind = OPTION_TEXT,
                       .value = "TEXT",
                       .help = "why; kept with the run's events"},
};

static int cancel(struct invocation *in) {
    Runs__V1__CancelRunRequest request = RUNS__V1__CANCEL_RUN_REQUEST__INIT;
    request.id = (char *)in->operands[0];
    if (in->values[CANCEL_REASON].given) {
        request.reason = (char *)in->values[CANCEL_REASON].text;
    }
    return run_call_and_print(in, "/runs.v1.RunsService/CancelRun",
                              message_to_bytes(in->arena, &request));
}

const struct command runs_cancel_command = {
    .name = "runs cancel",
    .place = 230,
    .operands = "ID",
    .summary = "Cancels a running or waiting run, for good. Scope: runs.cancel.",
    .details = "Exit code 4 says that the run had finished before, 6 that the outcome is not\n"
               "known: then look with runsctl runs get, or cancel again.\n",
    .options = options,
    .option_count = CANCEL_OPTION_COUNT,
    .operand_count = 1,
    .run = cancel,
};
