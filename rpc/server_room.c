#include "base/core/check.h"
#include "rpc/server_room_internal.h"

enum {
    SMALL_REQUEST_BYTES = 16 << 10,
    // What protobuf-c's structs take of a message of numbers alone, of its bytes.
    UNPACKED = 6,
};

static size_t most_bytes(const struct rpc_server_call *call) {
    size_t request = call->request.bytes.len;
    size_t unpacked = request > SMALL_REQUEST_BYTES ? UNPACKED * request : 0;
    return request + unpacked + call->acceptor->method->most_reply_bytes;
}

static bool has_room(const struct rpc_server_call *call, size_t bytes) {
    const struct rpc_server *server = call->server;
    if (call->acceptor->method->is_read) {
        return server->held_by_reads == 0 ||
               server->held + bytes <= server->max_held - server->max_held / 4;
    }
    return server->held == 0 || server->held + bytes <= server->max_held;
}

static void add(struct rpc_server_call *call, size_t bytes) {
    call->held += bytes;
    call->server->held += bytes;
    metrics_gauge_add(call->server->metrics->held_bytes, (int64_t)bytes);
    call->server->held_by_reads += call->acceptor->method->is_read ? bytes : 0;
}

static void take_away(struct rpc_server_call *call, size_t bytes) {
    CHECK(call->held >= bytes);
    call->held -= bytes;
    call->server->held -= bytes;
    metrics_gauge_add(call->server->metrics->held_bytes, -(int64_t)bytes);
    call->server->held_by_reads -= call->acceptor->method->is_read ? bytes : 0;
}

static void begin(struct rpc_server_call *call) {
    add(call, most_bytes(call));
    call->is_making = true;
    call->server->making++;
}

// --- calls that wait ---

static struct rpc_server_lane *lane_of(const struct rpc_server_call *call) {
    return call->acceptor->method->is_read ? &call->server->waiting_reads
                                           : &call->server->waiting_changes;
}

static void append(struct rpc_server_lane *lane, struct rpc_server_call *call) {
    call->next_waiting = NULL;
    if (lane->last != NULL) {
        lane->last->next_waiting = call;
    } else {
        lane->first = call;
    }
    lane->last = call;
}

bool rpc_server_room_take(struct rpc_server_call *call) {
    struct rpc_server_lane *lane = lane_of(call);
    if (lane->first == NULL && has_room(call, most_bytes(call))) {
        begin(call);
        return true;
    }
    append(lane, call);
    metrics_gauge_add(call->server->metrics->waiting, 1);
    return false;
}

// The lane's first call, if it is known whether it can have room.
static struct rpc_server_call *next_of(struct rpc_server *server, struct rpc_server_lane *lane,
                                       enum rpc_server_room_verdict *ret_verdict) {
    struct rpc_server_call *call = lane->first;
    if (call == NULL) {
        return NULL;
    }
    bool fits = !server->stopping && has_room(call, most_bytes(call));
    if (!fits && server->making > 0 && !server->stopping) {
        return NULL;
    }
    lane->first = call->next_waiting;
    if (lane->first == NULL) {
        lane->last = NULL;
    }
    metrics_gauge_add(server->metrics->waiting, -1);
    if (fits) {
        begin(call);
    }
    *ret_verdict = fits ? RPC_ROOM_SERVE : RPC_ROOM_REFUSE;
    return call;
}

struct rpc_server_call *rpc_server_room_next(struct rpc_server *server,
                                             enum rpc_server_room_verdict *ret_verdict) {
    struct rpc_server_call *call = next_of(server, &server->waiting_changes, ret_verdict);
    return call != NULL ? call : next_of(server, &server->waiting_reads, ret_verdict);
}

// A task, so that a call is not begun in the middle of another one's end.
static void post_if_waiting(struct rpc_server *server) {
    if ((server->waiting_changes.first != NULL || server->waiting_reads.first != NULL) &&
        !server->is_room_posted) {
        server->is_room_posted = true;
        server->pending++; // the server outlives the task
        rpc_loop_post(server->loop, &server->room_task);
    }
}

// --- calls that end ---

void rpc_server_room_reply_made(struct rpc_server_call *call) {
    if (!call->is_making) {
        return; // refused before it began, or a stream, which has ended
    }
    call->is_making = false;
    call->server->making--;
    // What the handler made in the arena stays until the call's end too.
    size_t bytes = call->request.bytes.len + arena_bytes(&call->arena) + call->reply_bytes;
    if (bytes > call->held) {
        add(call, bytes - call->held);
    } else {
        take_away(call, call->held - bytes);
    }
    post_if_waiting(call->server);
}

void rpc_server_room_take_back(struct rpc_server_call *call) {
    call->is_making = true; // until rpc_server_room_reply_made
    call->server->making++;
}

void rpc_server_room_give_back(struct rpc_server_call *call) {
    struct rpc_server *server = call->server;
    if (call->is_making) {
        call->is_making = false;
        server->making--;
    }
    if (call->held > 0) {
        take_away(call, call->held);
    }
    call->reply_bytes = 0;
    post_if_waiting(server);
}
