#include <stdio.h>

#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "ctl/run_print.h"
#include "ctl/token_print.h"
#include "ctl/tokens_access.h"
#include "runs/v1/tokens_service.pb-c.h"

enum { LIST_ORG = TOKENS_OPTION_COUNT, LIST_OPTION_COUNT };

static const struct option options[] = {
    TOKENS_OPTIONS,
    [LIST_ORG] = {.name = "--org",
                  .kind = OPTION_TEXT,
                  .value = "ORG",
                  .help = "only this organization's"},
};

static int list(struct invocation *in) {
    Runs__V1__ListTokensRequest request = RUNS__V1__LIST_TOKENS_REQUEST__INIT;
    if (in->values[LIST_ORG].given) {
        request.organization_id = (char *)in->values[LIST_ORG].text;
    }
    struct slice response;
    int code = tokens_access_call(in, "/runs.v1.TokensService/ListTokens",
                                  message_to_bytes(in->arena, &request), &response);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (in->values[CLIENT_JSON].given) {
        return json_print_reply(in->arena, "runs.v1.ListTokensResponse", response);
    }
    Runs__V1__ListTokensResponse *tokens;
    const struct error *error = message_from_bytes(
        in->arena, &runs__v1__list_tokens_response__descriptor, response, &tokens);
    if (error != NULL) {
        return exit_with_error(error, NULL);
    }
    static const char *const headings[] = {"ORGANIZATION", "NAME",    "SCOPES",
                                           "CREATED",      "EXPIRES", "REVOKED"};
    struct table table;
    table_init(&table, 6, headings);
    for (size_t i = 0; i < tokens->n_tokens; i++) {
        const Runs__V1__Token *token = tokens->tokens[i];
        table_add(&table, token->organization_id);
        table_add(&table, token->name);
        table_add(&table, token_scopes_text(in->arena, token->scopes, token->n_scopes));
        table_add(&table, timestamp_text(in->arena, token->created_at));
        table_add(&table, timestamp_text(in->arena, token->expires_at));
        table_add(&table, timestamp_text(in->arena, token->revoked_at));
    }
    table_print(&table, stdout);
    table_release(&table);
    return EXIT_CODE_OK;
}

const struct command tokens_list_command = {
    .name = "tokens list",
    .place = 310,
    .operands = "",
    .summary = "Lists tokens, also revoked and expired ones; never the tokens themselves.",
    .options = options,
    .option_count = LIST_OPTION_COUNT,
    .run = list,
};
