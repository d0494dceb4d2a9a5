#include "ctl/bulk_print.h"
#include "ctl/client_options.h"
#include "ctl/exit_code.h"
#include "ctl/message.h"

static int get(struct invocation *in) {
    Runs__V1__GetBulkCancelRequest request = RUNS__V1__GET_BULK_CANCEL_REQUEST__INIT;
    request.id = (char *)in->operands[0];
    struct slice response;
    int code = client_options_call(in, in->options, "/runs.v1.BulkCancelsService/GetBulkCancel",
                                   message_to_bytes(in->arena, &request), &response);
    return code == EXIT_CODE_OK ? bulk_print(in, response) : code;
}

const struct command bulk_cancels_get_command = {
    .name = "bulk-cancels get",
    .place = 280,
    .operands = "ID",
    .summary = "Shows how far a bulk cancel is. Scope: runs.cancel.",
    .tables = client_options_tables,
    .options_size = sizeof(struct client_options),
    .operand_count = 1,
    .run = get,
};
