#include "ctl/token_print.h"

#include <stdio.h>

#include "ctl/print.h"
#include "ctl/run_print.h"
#include "ctl/token_limit_options.h"

const char *token_print_scopes_text(struct arena *a, char *const *scopes, size_t count) {
    const char *text = "";
    for (size_t i = 0; i < count; i++) {
        text = arena_printf(a, "%s%s%s", text, i > 0 ? "," : "", scopes[i]);
    }
    return text;
}

void token_print_secret(struct arena *a, const char *secret, const Runs__V1__Token *token,
                        bool quiet) {
    if (quiet) {
        puts(secret);
        return;
    }
    const char *rows[7][2] = {
        {"token", secret},
        {"organization", token->organization_id},
        {"name", token->name},
        {"scopes", token_print_scopes_text(a, token->scopes, token->n_scopes)},
        {"expires", timestamp_text(a, token->expires_at)},
    };
    size_t count = 5;
    if (token->n_secrets > 1) {
        rows[count][0] = "previous";
        rows[count++][1] =
            arena_printf(a, "ends %s", timestamp_text(a, token->secrets[1]->expires_at));
    }
    if (token->limits != NULL) {
        rows[count][0] = "limits";
        rows[count++][1] = token_limit_text(a, token->limits);
    }
    print_pairs(rows, count, stdout);
    puts("\nKeep the token: it cannot be read again.");
}

void token_print_client(struct arena *a, const Runs__V1__Token *token) {
    const char *rows[6][2] = {
        {"client name", token->client_san},
        {"organization", token->organization_id},
        {"name", token->name},
        {"scopes", token_print_scopes_text(a, token->scopes, token->n_scopes)},
        {"expires", timestamp_text(a, token->expires_at)},
    };
    size_t count = 5;
    if (token->limits != NULL) {
        rows[count][0] = "limits";
        rows[count++][1] = token_limit_text(a, token->limits);
    }
    print_pairs(rows, count, stdout);
    puts("\nA client's certificate with that name opens it, where the server asks for certificates "
         "(--tls-client-ca).");
}
