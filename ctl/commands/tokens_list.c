#include <stdio.h>

#include "base/core/clock.h"
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

enum { COLUMNS = 10 };

static const char *const headings[COLUMNS] = {"ORGANIZATION", "NAME",    "SCOPES",    "SECRET",
                                              "CREATED",      "EXPIRES", "LAST USED", "DENIED",
                                              "REFUSED",      "REVOKED"};

// A row for each of its secrets: what is counted of the token stands in the first.
static void add_token(struct table *table, struct arena *a, const Runs__V1__Token *token) {
    const char *scopes = token_print_scopes_text(a, token->scopes, token->n_scopes);
    for (size_t i = 0; i < token->n_secrets; i++) {
        const Runs__V1__TokenSecret *secret = token->secrets[i];
        bool is_newest = i == 0;
        table_add(table, token->organization_id);
        table_add(table, token->name);
        table_add(table, scopes);
        table_add(table, is_newest ? "newest" : "previous");
        table_add(table, timestamp_text_short(a, secret->created_at));
        table_add(table, timestamp_text_short(a, secret->expires_at));
        table_add(table, timestamp_text_short(a, secret->last_used_at));
        table_add(table, is_newest ? arena_printf(a, "%lld", (long long)token->denied_calls) : "-");
        table_add(table,
                  is_newest ? arena_printf(a, "%lld", (long long)token->refused_calls) : "-");
        table_add(table, timestamp_text_short(a, token->revoked_at));
    }
}

// --- what fits a terminal ---

// Wider terminals have room for all.
enum { FULL_WIDTH = 200, NARROW_COLUMNS = 6, CUTTABLE = 1 << 0 | 1 << 1 | 1 << 2 };

static const char *const narrow_headings[NARROW_COLUMNS] = {"ORGANIZATION", "NAME",      "SCOPES",
                                                            "EXPIRES",      "LAST USED", "STATE"};

static const char *date_text(struct arena *a, const Google__Protobuf__Timestamp *t) {
    return arena_printf(a, "%.10s", timestamp_text(a, t));
}

static const char *state_text(const Runs__V1__Token *token, size_t secret, int64_t now_us) {
    const Google__Protobuf__Timestamp *expires = token->secrets[secret]->expires_at;
    if (token->revoked_at != NULL) {
        return "revoked";
    }
    if (expires != NULL && expires->seconds <= now_us / 1000000) {
        return "expired";
    }
    return secret == 0 ? "valid" : "previous";
}

static void add_narrow(struct table *table, struct arena *a, const Runs__V1__Token *token,
                       int64_t now_us) {
    for (size_t i = 0; i < token->n_secrets; i++) {
        table_add(table, token->organization_id);
        table_add(table, token->name);
        table_add(table, token_print_scopes_text(a, token->scopes, token->n_scopes));
        table_add(table, date_text(a, token->secrets[i]->expires_at));
        table_add(table, date_text(a, token->secrets[i]->last_used_at));
        table_add(table, state_text(token, i, now_us));
    }
}

static void print_tokens(struct invocation *in, const Runs__V1__ListTokensResponse *tokens) {
    const struct list_options *options = in->options;
    size_t width = print_width(options->wide);
    bool is_narrow = width > 0 && width < FULL_WIDTH;
    int64_t now_us = clock_now_us(&clock_system);
    struct table table;
    table_init(&table, is_narrow ? NARROW_COLUMNS : COLUMNS,
               is_narrow ? narrow_headings : headings);
    table_fit(&table, width, CUTTABLE);
    for (size_t i = 0; i < tokens->n_tokens; i++) {
        if (is_narrow) {
            add_narrow(&table, in->arena, tokens->tokens[i], now_us);
        } else {
            add_token(&table, in->arena, tokens->tokens[i]);
        }
    }
    table_print(&table, stdout);
    table_release(&table);
}

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
    print_tokens(in, tokens);
    return EXIT_CODE_OK;
}

const struct command tokens_list_command = {
    .name = "tokens list",
    .place = 310,
    .operands = "",
    .summary = "Lists tokens, also revoked and expired ones; never the tokens themselves.",
    .details =
        "A row for each secret: a token that was rotated has two, the newest and the one\n"
        "before. LAST USED is exact to a second. DENIED calls lacked a scope, REFUSED ones had a\n"
        "secret that had expired or was revoked. A server that is killed loses what it\n"
        "counted in its last minute.\n",
    .tables = tables,
    .options_size = sizeof(struct list_options),
    .run = list,
};
