#include <stdlib.h>

#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "rpc/server_call_internal.h"
#include "rpc/server_direct_internal.h"
#include "rpc/server_long_poll_internal.h"
#include "rpc/server_parting_internal.h"

// The answer to a call whose handler had none when the drain time was over.
struct rpc_server_parting {
    struct rpc_batch batch;
    struct rpc_server_call *call;
    struct arena arena; // not the call's, which the handler's thread may be using
    grpc_metadata trailers[1];
    bool is_sent; // or cannot be
    bool is_late; // the handler has answered, too late
};

static void end_if_parted(struct rpc_server_call *call) {
    struct rpc_server_parting *parting = call->parting;
    if (!parting->is_sent || !parting->is_late) {
        return;
    }
    call->parting = NULL;
    rpc_batch_destroy(&parting->batch);
    arena_release(&parting->arena);
    free(parting);
    rpc_server_call_ended(call);
}

static void one_less(struct rpc_server *server) {
    server->partings--;
    if (server->partings == 0) {
        rpc_server_core_reach(server, RPC_SERVER_PARTED);
    }
}

static void parting_over(struct rpc_server_parting *parting) {
    parting->is_sent = true;
    one_less(parting->call->server);
    end_if_parted(parting->call);
}

static void parting_done(struct rpc_tag *tag, bool ok) {
    (void)ok; // not ok is a caller that has gone
    parting_over(CONTAINER_OF(tag, struct rpc_server_parting, batch.tag));
}

static void run_late(struct rpc_task *task) {
    struct rpc_server_call *call = CONTAINER_OF(task, struct rpc_server_call, late_task);
    call->parting->is_late = true;
    end_if_parted(call);
}

// What is known of a call whose handler has not answered: a change may be made yet.
static const struct error *parting_error(const struct rpc_server_call *call, struct arena *a) {
    struct error *e =
        call->acceptor->method->is_read
            ? error_new(a, STATUS_UNAVAILABLE, REASON_SERVER_STOPPING,
                        "the server is stopping; nothing was changed")
            : error_new(a, STATUS_UNAVAILABLE, REASON_OUTCOME_UNKNOWN,
                        "the server stopped before it had an answer; whether a change was made is "
                        "not known");
    e->retry_after_ms = RPC_RETRY_WHEN_STOPPING_MS;
    return e;
}

static void give_up(struct rpc_server_call *call) {
    struct rpc_server *server = call->server;
    call->late_task.run = run_late; // before the handler's thread can see who answered
    int nobody = RPC_ANSWERER_NOBODY;
    if (!atomic_compare_exchange_strong(&call->answerer, &nobody, RPC_ANSWERER_STOP)) {
        return;
    }
    struct rpc_server_parting *parting = mem_zalloc(sizeof(*parting));
    parting->call = call;
    call->parting = parting;
    arena_init(&parting->arena);
    rpc_batch_init(&parting->batch, server->loop, parting_done);
    server->partings++;
    const struct error *error = parting_error(call, &parting->arena);
    rpc_server_core_count_answer(call, error->code, error->reason_id);
    if (call->long_poll != NULL) {
        rpc_server_long_poll_forget(call);
    }
    if (call->is_direct) {
        rpc_server_direct_answer(call, rpc_server_call_details(server, &parting->arena, error));
        parting_over(parting);
        return;
    }
    rpc_batch_send_metadata(&parting->batch, NULL, 0);
    rpc_server_call_add_status(server, &parting->batch, &parting->arena, parting->trailers, error);
    if (call->long_poll == NULL) { // which has asked for it
        rpc_batch_receive_close(&parting->batch);
    }
    if (rpc_batch_start(&parting->batch, call->core) != GRPC_CALL_OK) {
        parting_over(parting); // the caller learns it when its connection ends
    }
}

void rpc_server_parting_give_up(struct rpc_server *server) {
    server->partings++; // so that the first one's end is not the last one's
    struct rpc_server_call *next;
    for (struct rpc_server_call *call = server->unary_calls; call != NULL; call = next) {
        next = call->next;
        give_up(call);
    }
    one_less(server);
}
