#ifndef RUNSD_RPC_CLIENT_ERROR_INTERNAL_H
#define RUNSD_RPC_CLIENT_ERROR_INTERNAL_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"

// The errors that the client makes itself, in its own words: what gRPC core says of
// connections, deadlines and broken protocol is for the log.

// Whether the status that a call ended with came from the server, in its trailers, and was
// not made up by gRPC core's client. core_error is what core says of a status, for debugging;
// NULL if nothing. core_limit is core's limit on the bytes of a reply: its number is the only
// thing in which an error for that limit differs from one for a server's limit.
bool client_error_is_peers(const char *core_error, struct slice message, int core_limit);

// Whether core made it up because there was no connection, or the server refused to look at the
// call: then surely nothing was changed.
bool client_error_is_unsent(const char *core_error, struct slice message);

// The error of a call whose status core made up. nothing_changed: the request surely
// did not reach the server, or is a read; is_cancelled: we have cancelled the call.
// Errors:
//   CANCELLED           REQUEST_CANCELLED      is_cancelled
//   DEADLINE_EXCEEDED   DEADLINE_PASSED        nothing was changed
//   DEADLINE_EXCEEDED   OUTCOME_UNKNOWN
//   UNAVAILABLE         UPSTREAM_UNREACHABLE   nothing was changed
//   UNAVAILABLE         OUTCOME_UNKNOWN        the connection broke
//   RESOURCE_EXHAUSTED  RESPONSE_TOO_LARGE
//   else                RESPONSE_MALFORMED     what came was no gRPC
struct error *client_error_made_up(struct arena *a, int code, struct slice message, int core_limit,
                                   bool nothing_changed, bool is_cancelled);

// An error that the client found by itself, of REASON_DOMAIN_GATEWAY.
struct error *client_error_new(struct arena *a, enum status_code code, enum reason reason,
                               const char *message);

#endif
