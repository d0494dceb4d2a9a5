#include "ctl/bulk_follow.h"
#include "ctl/bulk_print.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/message.h"

static const char get_path[] = "/runs.v1.BulkCancelsService/GetBulkCancel";

// Prints it; the exit code says how it ended.
static int print_end(const struct invocation *in, const Runs__V1__BulkCancel *bulk,
                     struct slice bytes) {
    if (!bulk_is_over(bulk)) {
        return command_error(
            in,
            error_new(in->arena, STATUS_FAILED_PRECONDITION, REASON_NONE,
                      "the bulk cancel \"%s\" is a plan that was not executed", bulk->id),
            arena_printf(in->arena, "runsctl runs cancel --plan %s does it", bulk->id));
    }
    if (!in->json) {
        bulk_print_end(in->arena, bulk);
    } else if (bulk_print(in, bytes) != EXIT_CODE_OK) {
        return EXIT_CODE_FAILED;
    }
    return bulk->state == RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_ABORTED
               ? EXIT_CODE_CONFLICT
               : EXIT_CODE_OK;
}

static int watch_on(const struct invocation *in, struct connection *connection) {
    Runs__V1__GetBulkCancelRequest request = RUNS__V1__GET_BULK_CANCEL_REQUEST__INIT;
    request.id = (char *)in->operands[0];
    struct slice bytes;
    int code = client_options_call_again(in, connection, get_path,
                                         message_to_bytes(in->arena, &request), &bytes);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    struct bulk_follow follow;
    Runs__V1__BulkCancel *bulk;
    bulk_follow_begin(&follow, in, connection);
    bulk_follow_enter(&follow, BULK_WORKING, in->operands[0]);
    code = bulk_follow_wait(&follow, &bulk, &bytes);
    bulk_follow_end(&follow);
    return code == EXIT_CODE_OK ? print_end(in, bulk, bytes) : code;
}

static int watch(struct invocation *in) {
    struct connection connection;
    const struct error *error = client_options_open(in, in->options, &connection);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    int code = watch_on(in, &connection);
    connection_close(&connection);
    return code;
}

const struct command bulk_cancels_watch_command = {
    .name = "bulk-cancels watch",
    .place = 283,
    .operands = "ID",
    .summary = "Shows how far a bulk cancel is until it is over. Scope: runs.cancel.",
    .details = "Ctrl-C leaves the bulk cancel as it is. Waits on when the server is restarted.\n"
               "Exit code 4 says that it was aborted, or is a plan that was not executed.\n",
    .tables = client_options_tables,
    .options_size = sizeof(struct client_options),
    .operand_count = 1,
    .run = watch,
};
