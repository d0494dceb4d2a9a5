#ifndef RUNSD_SERVER_DOMAIN_PAGE_TOKEN_H
#define RUNSD_SERVER_DOMAIN_PAGE_TOKEN_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "storage/op/list_runs.h"

// The page_token of lists (AIP-158): a place in the list, signed so that a client cannot
// make one up: a signed text (server/domain/signed_text.h) of a version and the cursor, whose
// context is the filters. Lists other than of runs have their own instant and id in the cursor.

// Reads the page_size of a request: 50 if it is 0, at most 1,000. INVALID_ARGUMENT /
// FIELD_INVALID, in a: it is negative.
const struct error *page_size_read(struct arena *a, int32_t page_size, int *ret_limit);

// INVALID_ARGUMENT / FIELD_INVALID: the token is none of the list's.
const struct error *page_token_error(struct arena *a);

// Makes the token of cursor, in a. filters is everything that the list depends on, organization
// included, and which list it is.
const char *page_token_make(struct arena *a, const uint8_t secret[STORE_SECRET_BYTES],
                            struct slice filters, const struct store_cursor *cursor);

// Reads a token; returns false unless page_token_make made it with the same secret
// and filters. The cursor's id lives in a.
bool page_token_open(struct arena *a, const uint8_t secret[STORE_SECRET_BYTES],
                     struct slice filters, const char *token, struct store_cursor *ret_cursor);

#endif
