#include "base/core/clock.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "ctl/token_list_print.h"
#include "ctl/tokens_access.h"
#include "runs/v1/tokens_service.pb-c.h"

struct list_options {
    struct tokens_options access;
    const char *org;
    bool wide;
};

static const struct cli_option rows[] = {
    {.name = "--org",
     .value = "ORG",
     CLI_TEXT_AT(struct list_options, org),
     .help = "only this organization's"},
    {.name = "--wide",
     CLI_FLAG_AT(struct list_options, wide),
     .help = "all columns, also where the terminal has no room"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct list_options, access.client)},
    {tokens_options_rows, offsetof(struct list_options, access)},
    {rows, 0},
    {NULL, 0},
};

static int list(struct invocation *in) {
    Runs__V1__ListTokensRequest request = RUNS__V1__LIST_TOKENS_REQUEST__INIT;
    const struct list_options *options = in->options;
    if (options->org != NULL) {
        request.organization_id = (char *)options->org;
    }
    struct slice response;
    int code = tokens_access_call(in, &options->access, "/runs.v1.TokensService/ListTokens",
                                  message_to_bytes(in->arena, &request), &response);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (options->access.client.json) {
        return json_print_reply(in, "runs.v1.ListTokensResponse", response);
    }
    Runs__V1__ListTokensResponse *tokens;
    const struct error *error = message_from_bytes(
        in->arena, &runs__v1__list_tokens_response__descriptor, response, &tokens);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    token_list_print(in->arena, tokens, clock_now_us(&clock_system), print_width(options->wide));
    return EXIT_CODE_OK;
}

const struct command tokens_list_command = {
    .name = "tokens list",
    .place = 310,
    .operands = "",
    .summary = "Lists tokens, also revoked and expired ones; never the tokens themselves.",
    .details = "A row for each secret: a token that was rotated has two, the newest and the\n"
               "previous one. When it was last used is exact to a second. DENIED calls lacked a\n"
               "scope, REFUSED ones had a secret that had expired or was revoked. A server that\n"
               "is killed loses what it counted in its last minute. On a terminal without room\n"
               "for all, DENIED is both.\n",
    .tables = tables,
    .options_size = sizeof(struct list_options),
    .run = list,
};
