#include "ctl/token_list_print.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cli/time_span.h"
#include "ctl/print.h"
#include "ctl/run_print.h"
#include "ctl/token_limit_options.h"
#include "ctl/token_print.h"

enum { COLUMNS = 11, NARROW_COLUMNS = 8 };

// Of short names, two scopes and four times.
enum { FULL_WIDTH = 168 };

static const char *const headings[COLUMNS] = {"ORGANIZATION", "NAME",    "SCOPES",  "LIMITS",
                                              "SECRET",       "CREATED", "EXPIRES", "LAST USED",
                                              "DENIED",       "REFUSED", "REVOKED"};
// The last one is there if a token has limits.
static const char *const narrow_headings[NARROW_COLUMNS] = {"ORG",  "NAME",   "SECRET", "ENDS",
                                                            "USED", "DENIED", "SCOPES", "LIMITS"};

// Those of names, scopes and limits; what stands for a secret may be a client name.
enum {
    CUTTABLE = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4,
    NARROW_CUTTABLE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 6 | 1 << 7,
};

// A row: the numbers are the token's, and stand with its newest secret.
struct row {
    const Runs__V1__Token *token;
    const char *secret;
    const Google__Protobuf__Timestamp *created_at;
    const Google__Protobuf__Timestamp *expires_at;
    const Google__Protobuf__Timestamp *last_used_at;
    const char *denied;
    const char *refused;
    const char *both; // their sum
};

static const char *limits_text(struct arena *a, const Runs__V1__Token *token) {
    const char *text = token_limit_text(a, token->limits);
    return text[0] != '\0' ? text : "-";
}

static void add_wide(struct table *table, struct arena *a, const struct row *r) {
    const Runs__V1__Token *token = r->token;
    table_add(table, token->organization_id);
    table_add(table, token->name);
    table_add(table, token_print_scopes_text(a, token->scopes, token->n_scopes));
    table_add(table, limits_text(a, token));
    table_add(table, r->secret);
    table_add(table, timestamp_text_short(a, r->created_at));
    table_add(table, timestamp_text_short(a, r->expires_at));
    table_add(table, timestamp_text_short(a, r->last_used_at));
    table_add(table, r->denied);
    table_add(table, r->refused);
    table_add(table, timestamp_text_short(a, token->revoked_at));
}

// How long the secret is valid still.
static const char *end_text(struct arena *a, const struct row *r, int64_t now_s) {
    if (r->token->revoked_at != NULL) {
        return "revoked";
    }
    if (r->expires_at == NULL) {
        return "never";
    }
    int64_t left_s = r->expires_at->seconds - now_s;
    return left_s <= 0 ? "ended" : time_span_text(a, left_s);
}

static void add_narrow(struct table *table, struct arena *a, const struct row *r, int64_t now_s,
                       bool has_limits) {
    const Runs__V1__Token *token = r->token;
    const Google__Protobuf__Timestamp *used = r->last_used_at;
    table_add(table, token->organization_id);
    table_add(table, token->name);
    table_add(table, r->secret);
    table_add(table, end_text(a, r, now_s));
    table_add(table, used == NULL ? "-" : time_span_text(a, now_s - used->seconds));
    table_add(table, r->both);
    table_add(table, token_print_scopes_text(a, token->scopes, token->n_scopes));
    if (has_limits) {
        table_add(table, limits_text(a, token));
    }
}

// The token's secret number i. Servers that knew no rotations say of its only one what they say of
// the token.
static struct row row_of(struct arena *a, const Runs__V1__Token *token, size_t i) {
    struct row r = {
        .token = token,
        .secret = token->client_san[0] != '\0' ? token->client_san : "newest",
        .created_at = token->created_at,
        .expires_at = token->expires_at,
        .denied = "-",
        .refused = "-",
        .both = "-",
    };
    if (i < token->n_secrets) {
        r.created_at = token->secrets[i]->created_at;
        r.expires_at = token->secrets[i]->expires_at;
        r.last_used_at = token->secrets[i]->last_used_at;
    }
    if (i > 0) {
        r.secret = "previous";
    } else {
        r.denied = arena_printf(a, "%" PRId64, token->denied_calls);
        r.refused = arena_printf(a, "%" PRId64, token->refused_calls);
        r.both = arena_printf(a, "%" PRId64, token->denied_calls + token->refused_calls);
    }
    return r;
}

static bool has_limits(const Runs__V1__ListTokensResponse *tokens) {
    for (size_t i = 0; i < tokens->n_tokens; i++) {
        if (tokens->tokens[i]->limits != NULL) {
            return true;
        }
    }
    return false;
}

void token_list_print(struct arena *a, const Runs__V1__ListTokensResponse *tokens, int64_t now_us,
                      size_t width) {
    bool is_narrow = width > 0 && width < FULL_WIDTH;
    bool is_limited = has_limits(tokens);
    struct table table;
    table_init(&table, is_narrow ? NARROW_COLUMNS - (is_limited ? 0 : 1) : COLUMNS,
               is_narrow ? narrow_headings : headings);
    table_fit(&table, width, is_narrow ? NARROW_CUTTABLE : CUTTABLE);
    for (size_t i = 0; i < tokens->n_tokens; i++) {
        const Runs__V1__Token *token = tokens->tokens[i];
        size_t count = token->n_secrets > 0 ? token->n_secrets : 1;
        for (size_t k = 0; k < count; k++) {
            struct row r = row_of(a, token, k);
            if (is_narrow) {
                add_narrow(&table, a, &r, now_us / 1000000, is_limited);
            } else {
                add_wide(&table, a, &r);
            }
        }
    }
    table_print(&table, stdout);
    table_release(&table);
}
