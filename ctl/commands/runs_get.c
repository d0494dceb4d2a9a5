#include "ctl/client_options.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/message.h"
#include "ctl/run_print.h"
#include "runs/v1/runs_service.pb-c.h"

// Finds the event of the run's final status; *ret_end is untouched if it has none. Returns an
// exit code; an error has been printed.
static int find_end(const struct invocation *in, struct connection *connection,
                    struct slice run_bytes, const Runs__V1__RunEvent **ret_end) {
    Runs__V1__Run *run;
    const struct error *error =
        message_from_bytes(in->arena, &runs__v1__run__descriptor, run_bytes, &run);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    if (run->finished_at == NULL) {
        return EXIT_CODE_OK;
    }
    Runs__V1__ListRunEventsRequest request = RUNS__V1__LIST_RUN_EVENTS_REQUEST__INIT;
    request.id = run->id;
    struct slice response;
    int code = client_options_call_again(in, connection, "/runs.v1.RunsService/ListRunEvents",
                                         message_to_bytes(in->arena, &request), &response);
    Runs__V1__ListRunEventsResponse *list;
    if (code == EXIT_CODE_OK) {
        error = message_from_bytes(in->arena, &runs__v1__list_run_events_response__descriptor,
                                   response, &list);
        code = error != NULL ? command_error(in, error, NULL) : EXIT_CODE_OK;
    }
    // Nothing follows a final status but reports, which change none.
    for (size_t i = 0; code == EXIT_CODE_OK && i < list->n_events; i++) {
        if (list->events[i]->to_status == run->status) {
            *ret_end = list->events[i];
        }
    }
    return code;
}

static int get(struct invocation *in) {
    Runs__V1__GetRunRequest request = RUNS__V1__GET_RUN_REQUEST__INIT;
    request.id = (char *)in->operands[0];
    struct connection connection;
    const struct error *error = client_options_open(in, in->options, &connection);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    struct slice response;
    const Runs__V1__RunEvent *end = NULL;
    int code = client_options_call_again(in, &connection, "/runs.v1.RunsService/GetRun",
                                         message_to_bytes(in->arena, &request), &response);
    if (code == EXIT_CODE_OK && !in->json) {
        code = find_end(in, &connection, response, &end);
    }
    if (code == EXIT_CODE_OK) {
        code = run_print(in, response, end);
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
