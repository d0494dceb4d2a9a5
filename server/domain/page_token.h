#ifndef RUNSD_SERVER_DOMAIN_PAGE_TOKEN_H
#define RUNSD_SERVER_DOMAIN_PAGE_TOKEN_H

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "storage/op/list_runs.h"

// The page_token of ListRuns (AIP-158): a place in the list, signed so that a client cannot
// make one up: a signed text (server/domain/signed_text.h) of a version and the cursor, whose
// context is the filters.

// Makes the token of cursor, in a. filters is everything that the list depends on, organization
// included.
const char *page_token_make(struct arena *a, const uint8_t secret[STORE_SECRET_BYTES],
                            struct slice filters, const struct store_cursor *cursor);

// Reads a token; returns false unless page_token_make made it with the same secret
// and filters. The cursor's id lives in a.
bool page_token_open(struct arena *a, const uint8_t secret[STORE_SECRET_BYTES],
                     struct slice filters, const char *token, struct store_cursor *ret_cursor);

#endif
