#ifndef RUNSD_SERVER_SERVICE_SERVICE_CALL_H
#define RUNSD_SERVER_SERVICE_SERVICE_CALL_H

#include "base/core/clock.h"
#include "base/core/error.h"
#include "base/log/log.h"
#include "rpc/server.h"
#include "server/auth/authenticate.h"
#include "storage/run_store.h"

// What all methods of all services share: who calls, one operation of the store,
// one answer, one log line.

// What the services work with; outlives every call.
struct service {
    const struct logger *log;
    const struct clock *clock;
    struct run_store *store;
    struct token_table *tokens;
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
    struct slice organization; // identity's
    const char *run_id;        // for messages; NULL if the method names none
    char *token_secret;        // CreateToken's, which exists nowhere else
    struct store_op op;
    void (*stored)(struct service_call *call);
};

// Starts a call: authenticates it for scope. Returns NULL if it was refused; it is
// answered then.
struct service_call *service_call_begin(const struct service *service, struct rpc_server_call *rpc,
                                        enum scope scope);

// Starts a call that needs no token.
struct service_call *service_call_begin_open(const struct service *service,
                                             struct rpc_server_call *rpc);

// Writes the line of a call that ended; error is NULL if it was OK. For streams, whose
// end service_call_reply and service_call_fail do not see.
void service_call_log(const struct service_call *call, const struct error *error);

// Answers and logs; the call is gone afterwards.
void service_call_reply(struct service_call *call, const struct slice *parts, size_t count);
void service_call_fail(struct service_call *call, const struct error *error);

// Serves a whole call: authenticates it for scope, lets decide turn the request into
// call->op or refuse it, submits the operation, and lets stored answer.
void service_call_serve(const struct service *service, struct rpc_server_call *rpc,
                        enum scope scope,
                        const struct error *(*decide)(struct service_call *call,
                                                      struct slice request),
                        void (*stored)(struct service_call *call));

// Submits call->op, whose kind and inputs are set. stored is called on a thread of
// the store when the result is OK, NOT_FOUND, CONFLICT or EXISTS; the others are answered
// without it.
void service_call_store(struct service_call *call, void (*stored)(struct service_call *call));

#endif
