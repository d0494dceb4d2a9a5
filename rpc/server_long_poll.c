#include <stdlib.h>

#include "base/core/check.h"
#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "rpc/server_long_poll_internal.h"
#include "rpc/server_room_internal.h"

// The requests of all long polls together.
enum { MOST_BYTES = 64 << 20 };

struct rpc_server_long_poll {
    struct rpc_batch close; // which says that the call is over
    struct rpc_server_call *call;
    size_t bytes;
    void (*gone)(void *context); // NULL: nobody is to be told
    void *context;
    bool is_counted; // among the server's
    bool is_close_awaited;
    // The call's end waits for it; NULL: it does not.
    void (*over)(struct rpc_server_call *call);
};

// A call becomes a long poll, or is a call again.
static void count_in_flight(const struct rpc_server *server, int64_t by) {
    metrics_gauge_add(server->metrics->in_flight[RPC_CALL_LONG_POLL], by);
    metrics_gauge_add(server->metrics->in_flight[RPC_CALL_UNARY], -by);
}

static void leave_lane(struct rpc_server_long_poll *poll) {
    if (poll->is_counted) {
        poll->is_counted = false;
        poll->call->server->long_polls--;
        count_in_flight(poll->call->server, -1);
        poll->call->server->long_poll_bytes -= poll->bytes;
    }
}

static void tell_gone(struct rpc_server_long_poll *poll) {
    if (poll->gone != NULL) {
        void (*gone)(void *context) = poll->gone;
        poll->gone = NULL;
        gone(poll->context);
    }
}

// The call is over for its client: it was answered, or the client left.
static void closed(struct rpc_tag *tag, bool ok) {
    (void)ok;
    struct rpc_server_long_poll *poll = CONTAINER_OF(tag, struct rpc_server_long_poll, close.tag);
    poll->is_close_awaited = false;
    if (poll->over != NULL) {
        poll->over(poll->call);
    } else {
        tell_gone(poll);
    }
}

static bool await_close(struct rpc_server_long_poll *poll) {
    rpc_batch_receive_close(&poll->close);
    poll->is_close_awaited = rpc_batch_start(&poll->close, poll->call->core) == GRPC_CALL_OK;
    return poll->is_close_awaited;
}

static void free_poll(struct rpc_server_long_poll *poll) {
    rpc_batch_destroy(&poll->close);
    free(poll);
}

bool rpc_server_long_poll_begin(struct rpc_server_call *call, void (*gone)(void *context),
                                void *context) {
    struct rpc_server *server = call->server;
    CHECK(rpc_loop_is_current(server->loop) && call->long_poll == NULL);
    size_t bytes = call->request.bytes.len + arena_bytes(&call->arena);
    if (server->long_polls >= server->max_long_polls ||
        server->long_poll_bytes + bytes > MOST_BYTES) {
        metrics_counter_add(server->metrics->refused[RPC_REFUSED_LONG_POLLS], 1);
        return false;
    }
    struct rpc_server_long_poll *poll = mem_zalloc(sizeof(*poll));
    *poll = (struct rpc_server_long_poll){
        .call = call, .bytes = bytes, .gone = gone, .context = context};
    rpc_batch_init(&poll->close, server->loop, closed);
    if (!call->is_direct && !await_close(poll)) {
        free_poll(poll);
        return false;
    }
    call->long_poll = poll;
    poll->is_counted = true;
    server->long_polls++;
    count_in_flight(server, 1);
    server->long_poll_bytes += bytes;
    rpc_server_room_give_back(call);
    return true;
}

int rpc_server_long_poll_limit(const struct rpc_server_call *call) {
    return call->server->max_long_polls;
}

void rpc_server_long_poll_forget(struct rpc_server_call *call) {
    call->long_poll->gone = NULL;
}

void rpc_server_long_poll_answered(struct rpc_server_call *call) {
    rpc_server_long_poll_forget(call);
    leave_lane(call->long_poll);
    rpc_server_room_take_back(call);
}

void rpc_server_long_poll_left(struct rpc_server_call *call) {
    tell_gone(call->long_poll);
}

bool rpc_server_long_poll_end(struct rpc_server_call *call,
                              void (*over)(struct rpc_server_call *call)) {
    struct rpc_server_long_poll *poll = call->long_poll;
    if (poll->is_close_awaited) {
        poll->over = over;
        return false;
    }
    leave_lane(poll);
    call->long_poll = NULL;
    free_poll(poll);
    return true;
}
