#ifndef RUNSD_SERVER_AUTH_AUTHENTICATE_H
#define RUNSD_SERVER_AUTH_AUTHENTICATE_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "server/auth/token.h"
#include "server/auth/token_table.h"

// Finds out who calls from the value of the authorization metadata ("Bearer
// <token>", RFC 6750; the scheme in any case) and whether the token has all of scopes, bits
// of enum scope.
// count is how many such values the call has: more than one is refused.
//
// UNAUTHENTICATED / TOKEN_MISSING: no value, or of another scheme;
// UNAUTHENTICATED / TOKEN_INVALID: malformed, unknown, expired, revoked or more
// than one; which of these is not told;
// PERMISSION_DENIED / SCOPE_MISSING: metadata "scope" names the first that it lacks.
const struct error *authenticate(struct token_table *table, struct arena *a, struct slice value,
                                 int count, uint32_t scopes, int64_t now_us,
                                 struct identity *ret_identity);

#endif
