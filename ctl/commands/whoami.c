#include <stdio.h>

#include "ctl/client_options.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "ctl/run_print.h"
#include "ctl/token_print.h"
#include "runs/v1/tokens_service.pb-c.h"

static int print_caller(struct invocation *in, struct slice response) {
    Runs__V1__Caller *caller;
    const struct error *error =
        message_from_bytes(in->arena, &runs__v1__caller__descriptor, response, &caller);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    const char *rows[6][2] = {
        {"organization", caller->organization_id},
        {"name", caller->name},
        {"scopes", token_print_scopes_text(in->arena, caller->scopes, caller->n_scopes)},
        {"expires", timestamp_text(in->arena, caller->expires_at)},
    };
    size_t count = 4;
    if (caller->replaced_at != NULL) {
        rows[count][0] = "replaced";
        rows[count++][1] = timestamp_text(in->arena, caller->replaced_at);
    }
    if (caller->client_san[0] != '\0') {
        rows[count][0] = "certificate";
        rows[count++][1] = caller->client_san;
    }
    print_pairs(rows, count, stdout);
    return EXIT_CODE_OK;
}

static int whoami(struct invocation *in) {
    Runs__V1__GetCallerRequest request = RUNS__V1__GET_CALLER_REQUEST__INIT;
    struct slice response;
    const struct client_options *options = in->options;
    int code = client_options_call(in, options, "/runs.v1.TokensService/GetCaller",
                                   message_to_bytes(in->arena, &request), &response);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    return options->json ? json_print_reply(in, "runs.v1.Caller", response)
                         : print_caller(in, response);
}

const struct command whoami_command = {
    .name = "whoami",
    .place = 400,
    .operands = "",
    .summary = "Shows whose token is used, what it opens, and until when.",
    .tables = client_options_tables,
    .options_size = sizeof(struct client_options),
    .run = whoami,
};
