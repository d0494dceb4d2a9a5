#include "ctl/bulk_print.h"
#include "ctl/client_options.h"
#include "ctl/exit_code.h"
#include "ctl/message.h"

static int abort_it(struct invocation *in) {
    Runs__V1__AbortBulkCancelRequest request = RUNS__V1__ABORT_BULK_CANCEL_REQUEST__INIT;
    request.id = (char *)in->operands[0];
    in->unknown_hint = "abort it again: that it is aborted already says that it is done";
    struct slice response;
    int code = client_options_call(in, in->options, "/runs.v1.BulkCancelsService/AbortBulkCancel",
                                   message_to_bytes(in->arena, &request), &response);
    return code == EXIT_CODE_OK ? bulk_print(in, response) : code;
}

const struct command bulk_cancels_abort_command = {
    .name = "bulk-cancels abort",
    .place = 284,
    .operands = "ID",
    .summary = "Ends a bulk cancel, or a plan. Scope: runs.cancel.",
    .details = "Runs that it has cancelled stay cancelled. Exit code 4 says that it had ended.\n",
    .tables = client_options_tables,
    .options_size = sizeof(struct client_options),
    .operand_count = 1,
    .run = abort_it,
};
