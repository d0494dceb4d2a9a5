#include "ctl/client_options.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/run_fetch.h"

static int get(struct invocation *in) {
    struct connection connection;
    const struct error *error = client_options_open(in, in->options, &connection);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    Runs__V1__Run *run;
    struct slice bytes;
    int code = run_fetch(in, &connection, in->operands[0], RUN_FETCH_ONCE, &run, &bytes);
    if (code == EXIT_CODE_OK) {
        code = run_fetch_end_and_print(in, &connection, RUN_FETCH_ONCE, run, bytes);
    }
    connection_close(&connection);
    return code;
}

const struct command runs_get_command = {
    .name = "runs get",
    .place = 210,
    .operands = "ID",
    .summary = "Shows a run, and who ended it and why. Scope: runs.read.",
    .tables = client_options_tables,
    .options_size = sizeof(struct client_options),
    .operand_count = 1,
    .run = get,
};
