#include <stdio.h>

#include "ctl/client_options.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "runs/v1/runs_service.pb-c.h"

static int delete_run(struct invocation *in) {
    Runs__V1__DeleteRunRequest request = RUNS__V1__DELETE_RUN_REQUEST__INIT;
    request.id = (char *)in->operands[0];
    in->unknown_hint = "delete it again: that it is not found says that it is done";
    struct slice response;
    int code = client_options_call(in, in->options, "/runs.v1.RunsService/DeleteRun",
                                   message_to_bytes(in->arena, &request), &response);
    if (code != EXIT_CODE_OK || in->json) {
        return code != EXIT_CODE_OK ? code
                                    : json_print_reply(in, "runs.v1.DeleteRunResponse", response);
    }
    fputs("Deleted ", stdout);
    print_text(stdout, slice_of_cstr(in->operands[0]));
    puts(".");
    return EXIT_CODE_OK;
}

const struct command runs_delete_command = {
    .name = "runs delete",
    .place = 245,
    .operands = "ID",
    .summary = "Deletes a final run with its events, for good. Scope: runs.delete.",
    .details = "What stays is the event that says who deleted it. The feed of the organization\n"
               "begins behind the run's newest event then: an audit export or a watcher that was\n"
               "away misses what it had not read before that, of other runs too. Export first.\n"
               "Exit code 4 says that the run is not final: cancel it first.\n",
    .tables = client_options_tables,
    .options_size = sizeof(struct client_options),
    .operand_count = 1,
    .run = delete_run,
};
