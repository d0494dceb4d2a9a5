#ifndef RUNSD_SERVER_SERVICE_SERVICE_CALL_H
#define RUNSD_SERVER_SERVICE_SERVICE_CALL_H

#include "base/core/clock.h"
#include "base/core/error.h"
#include "base/log/log.h"
#include "base/trace/tracer.h"
#include "rpc/server.h"
#include "server/auth/authenticate.h"
#include "server/bulk/bulk_runner.h"
#include "server/lease/lease_keeper.h"
#include "server/service/call_limit.h"
#include "server/sweep/deadline_sweep.h"
#include "storage/op/store_op.h"
#include "storage/quota.h"

// What every call of every service has: who calls, one reply, one log line. A method embeds
// struct service_call as the first member of its own struct, with what it needs beside it:
// none, one or several operations of the store.

struct feed_hub;

// What the services work with; outlives every call.
struct service {
    const struct logger *log;
    struct tracer *tracer; // NULL: no traces
    const struct clock *clock;
    struct run_store *store;
    struct token_table *tokens;
    struct feed_hub *feed; // what WatchRuns joins (server/feed/)
    struct lease_keeper *leases;
    struct deadline_sweep *deadlines;
    struct bulk_runner *bulks;
    struct limiter *limiter;    // NULL: nothing is limited
    struct store_quota quota;   // of each organization
    int64_t idempotency_ttl_us; // how long a key counts
};

// Microseconds since the epoch, at least 1: 0 says "not yet" of an end or a revocation, and no
// clock that was never set may say that.
static inline int64_t service_now_us(const struct service *service) {
    int64_t now_us = clock_now_us(service->clock);
    return now_us > 1 ? now_us : 1;
}

// One call of a method. Lives in the call's own arena.
struct service_call {
    const struct service *service;
    struct rpc_server_call *rpc;
    struct arena *arena; // the call's
    struct slice request_id;
    struct identity identity;
    const char *refused_names; // of a certificate that opened nothing, for the log; NULL: none
    struct call_limit limit;
    struct slice organization; // identity's
    const char *run_id;        // for messages and the log; NULL if the method names none
    const char *target;        // for the log: what else the method acts on; NULL: nothing
    void (*stored)(struct service_call *call);
    struct trace_span *span; // NULL: the call is not sampled
};

// Starts a call: zeroes a struct of bytes bytes, whose first member is a struct service_call,
// and authenticates the caller for scope. Returns NULL if the caller was refused; the call
// has its reply then. Errors sent: those of authenticate and of call_limit_enter.
struct service_call *service_call_begin(const struct service *service, struct rpc_server_call *rpc,
                                        enum scope scope, size_t bytes);

// The same for a method that needs no token; never NULL.
struct service_call *service_call_begin_open(const struct service *service,
                                             struct rpc_server_call *rpc, size_t bytes);

// Looks again whether the caller's token opens what it opened when the call began, for a call that
// takes long. Returns NULL, or UNAUTHENTICATED / TOKEN_INVALID with the message, in the call's
// arena.
const struct error *service_call_check_token(const struct service_call *call, const char *message);

// Writes the log line of a call that ended, and ends its span; error is NULL if it ended OK. For
// streams, whose end service_call_reply and service_call_fail do not see.
void service_call_log(const struct service_call *call, const struct error *error);

// Logs and sends the reply, or the error, which is counted with the caller's token if it is
// PERMISSION_DENIED; the call must not be touched after it. From any thread.
void service_call_reply(struct service_call *call, const struct slice *parts, size_t count);
void service_call_fail(struct service_call *call, const struct error *error);

// Submits op, a member of the method's struct whose inputs are set. stored is called when
// the result is OK, NOT_FOUND, CONFLICT, EXISTS or OVER_QUOTA, on a thread of the store or within
// this call; it must not block. It replies, or submits the next operation. For every other result
// the call fails here, with service_call_store_error. The call must not be touched after it
// by who submits.
void service_call_store(struct service_call *call, struct store_op *op,
                        void (*stored)(struct service_call *call));

// The error of an operation that the store did not do: DEADLINE_EXCEEDED, INVALID_ARGUMENT,
// RESOURCE_EXHAUSTED or UNAVAILABLE, with a reason and a message that say whether something
// may have been changed. NULL for OK, NOT_FOUND, CONFLICT, EXISTS and OVER_QUOTA, which only the
// method can put into words. In the call's arena.
const struct error *service_call_store_error(struct service_call *call, const struct store_op *op);

#endif
