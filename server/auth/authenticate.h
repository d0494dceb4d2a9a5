#ifndef RUNSD_SERVER_AUTH_AUTHENTICATE_H
#define RUNSD_SERVER_AUTH_AUTHENTICATE_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "server/auth/token.h"
#include "server/auth/token_table.h"

// Identifies the caller by the value of the authorization metadata ("Bearer <token>",
// RFC 6750; the scheme in any case) and checks that the token has all of scopes, bits of enum
// scope, or others that imply them. count is how many such values the call has: more than one is
// refused. The identity's texts live in a. It is set, too, where only a scope is missing.
//
// UNAUTHENTICATED / TOKEN_MISSING: no value, or of another scheme;
// UNAUTHENTICATED / TOKEN_INVALID: malformed, unknown, expired, revoked or more
// than one; the message does not say which, the detail says whose it is if that is known;
// PERMISSION_DENIED / SCOPE_MISSING: metadata "scope" names the first that it lacks.
const struct error *authenticate(struct token_table *table, struct arena *a, struct slice value,
                                 int count, uint32_t scopes, int64_t now_us,
                                 struct identity *ret_identity);

// Identifies the caller by the names of its certificate, count of them (rpc/server_peer.h),
// likewise: a call without authorization metadata.
//
// UNAUTHENTICATED / TOKEN_MISSING: no name is one that a token has; the message is that of a call
// without a value if there is no name, else it speaks of the certificate;
// UNAUTHENTICATED / TOKEN_INVALID: the names open several tokens, or those that they opened have
// expired or are revoked; PERMISSION_DENIED / SCOPE_MISSING.
const struct error *authenticate_client(struct token_table *table, struct arena *a,
                                        const struct slice *names, size_t count, uint32_t scopes,
                                        int64_t now_us, struct identity *ret_identity);

#endif
