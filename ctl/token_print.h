#ifndef RUNSD_CTL_TOKEN_PRINT_H
#define RUNSD_CTL_TOKEN_PRINT_H

#include "base/core/arena.h"
#include "runs/v1/tokens_service.pb-c.h"

// Tokens as people read them.

// "A,B" of count scopes; the text lives in a.
const char *token_print_scopes_text(struct arena *a, char *const *scopes, size_t count);

// Prints a secret, which is shown this once, and whose it is; alone if quiet.
void token_print_secret(struct arena *a, const char *secret, const Runs__V1__Token *token,
                        bool quiet);

// Prints what a token is that has a client name in place of a secret.
void token_print_client(struct arena *a, const Runs__V1__Token *token);

#endif
