#ifndef RUNSD_CTL_TOKEN_PRINT_H
#define RUNSD_CTL_TOKEN_PRINT_H

#include "base/core/arena.h"

// Tokens as people read them.

// "A,B" of count scopes; the text lives in a.
const char *token_print_scopes_text(struct arena *a, char *const *scopes, size_t count);

#endif
