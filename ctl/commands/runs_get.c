#include "ctl/client_options.h"
#include "ctl/message.h"
#include "ctl/run_print.h"
#include "runs/v1/runs_service.pb-c.h"

static int get(struct invocation *in) {
    Runs__V1__GetRunRequest request = RUNS__V1__GET_RUN_REQUEST__INIT;
    request.id = (char *)in->operands[0];
    return run_call_and_print(in, in->options, "/runs.v1.RunsService/GetRun",
                              message_to_bytes(in->arena, &request));
}

const struct command runs_get_command = {
    .name = "runs get",
    .place = 210,
    .operands = "ID",
    .summary = "Shows a run. Scope: runs.read.",
    .tables = client_options_tables,
    .options_size = sizeof(struct client_options),
    .operand_count = 1,
    .run = get,
};
