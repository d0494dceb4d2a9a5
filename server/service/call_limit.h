#ifndef RUNSD_SERVER_SERVICE_CALL_LIMIT_H
#define RUNSD_SERVER_SERVICE_CALL_LIMIT_H

#include "rpc/server.h"
#include "server/auth/token_table.h"
#include "server/limit/limiter.h"

// What limits do with a call: it is counted once its caller is known and before its request is
// decoded, or refused; and its answer says what is left, by the metadata "ratelimit-policy" and
// "ratelimit", the fields of draft-ietf-httpapi-ratelimit-headers. Who may administer tokens or
// organizations of all is not limited.

// What is counted of a call. Zeros: nothing.
struct call_limit {
    struct limiter *limiter;
    struct limit_share *share;
    bool has_stream;
};

// Counts the call of identity (a limiter of NULL: does not), whose organization and name outlive
// it. NULL if there is no limit for it or it is within all; else RESOURCE_EXHAUSTED / RATE_LIMITED
// in the call's arena, with metadata "limit", "most", "of" (what it is the limit of: "organization"
// or "token") and a retry_after_ms after which the same call would be served. In the handler.
const struct error *call_limit_enter(struct limiter *limiter, struct rpc_server_call *rpc,
                                     const struct identity *identity, struct call_limit *ret_limit);

// Has a call that begins to wait count as a stream that is open. Returns false if there are as many
// as there may be.
bool call_limit_wait(struct call_limit *limit);

// The error of a call that may not wait.
const struct error *call_limit_streams_error(struct limiter *limiter, struct arena *a,
                                             const struct identity *identity);

// Counts bytes that a stream sends.
void call_limit_charge(const struct call_limit *limit, const struct slice *parts, size_t count);

// The call is over, and its answer is parts.
void call_limit_leave(struct call_limit *limit, const struct slice *parts, size_t count);

#endif
