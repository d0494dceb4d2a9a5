#include <stdio.h>

#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "ctl/run_print.h"
#include "ctl/token_print.h"
#include "ctl/tokens_access.h"
#include "runs/v1/tokens_service.pb-c.h"

struct list_options {
    struct tokens_options access;
    const char *org;
};

static const struct cli_option rows[] = {
    {.name = "--org",
     .value = "ORG",
     CLI_TEXT_AT(struct list_options, org),
     .help = "only this organization's"},
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
    static const char *const headings[] = {"ORGANIZATION", "NAME",    "SCOPES",
                                           "CREATED",      "EXPIRES", "REVOKED"};
    struct table table;
    table_init(&table, 6, headings);
    for (size_t i = 0; i < tokens->n_tokens; i++) {
        const Runs__V1__Token *token = tokens->tokens[i];
        table_add(&table, token->organization_id);
        table_add(&table, token->name);
        table_add(&table, token_print_scopes_text(in->arena, token->scopes, token->n_scopes));
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
    .tables = tables,
    .options_size = sizeof(struct list_options),
    .run = list,
};
