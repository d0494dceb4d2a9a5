#include "ctl/token_print.h"

#include <stdio.h>

#include "ctl/print.h"
#include "ctl/run_print.h"

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
    const char *rows[6][2] = {
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
    print_pairs(rows, count, stdout);
    puts("\nKeep the token: it cannot be read again.");
}
