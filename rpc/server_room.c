#include "base/core/check.h"
#include "rpc/server_internal.h"

// How many bytes the calls of a server hold together: their requests, what is made of
// them, and their replies until the client has taken them. Of a quarter of it only calls
// that are no reads may have some. All on the loop's thread.
//
// A call takes at its begin what it may come to; when its reply is made, that replaces
// the guess. Who finds no room waits while replies are being made, which ends by itself,
// and is refused when all that is held are replies that nobody reads.

enum {
    SMALL_REQUEST_BYTES = 16 << 10,
    // What protobuf-c's structs take of a message of numbers alone, of its bytes.
    UNPACKED = 6,
    RETRY_WHEN_FULL_MS = 1000,
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
    call->server->held_by_reads += call->acceptor->method->is_read ? bytes : 0;
}

static void take_away(struct rpc_server_call *call, size_t bytes) {
    CHECK(call->held >= bytes);
    call->held -= bytes;
    call->server->held -= bytes;
    call->server->held_by_reads -= call->acceptor->method->is_read ? bytes : 0;
}

static void begin(struct rpc_server_call *call) {
    const struct rpc_method *method = call->acceptor->method;
    add(call, most_bytes(call));
    call->is_making = true;
    call->server->making++;
    if (method->kind == RPC_UNARY) {
        rpc_server_call_at_handler(call);
    }
    method->handle(method->service, call);
}

static void refuse(struct rpc_server_call *call) {
    struct error *e = error_new(&call->arena, STATUS_RESOURCE_EXHAUSTED, REASON_QUEUE_FULL,
                                "the server holds as many bytes of requests and replies as it "
                                "may, %zu; nothing was changed",
                                call->server->max_held);
    e->retry_after_ms = RETRY_WHEN_FULL_MS;
    rpc_server_call_fail(call, e);
}

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

// Serves or refuses those of a lane, as far as that can be told now.
static void look_at(struct rpc_server *server, struct rpc_server_lane *lane) {
    while (lane->first != NULL) {
        struct rpc_server_call *call = lane->first;
        bool fits = !server->stopping && has_room(call, most_bytes(call));
        if (!fits && server->making > 0 && !server->stopping) {
            return;
        }
        lane->first = call->next_waiting;
        if (lane->first == NULL) {
            lane->last = NULL;
        }
        if (fits) {
            begin(call);
        } else if (server->stopping) {
            rpc_server_refuse_stopping(call);
        } else {
            refuse(call);
        }
    }
}

static void look_at_waiting(struct rpc_server *server) {
    if (server->is_looking) {
        return; // a call ended while it was begun from here
    }
    server->is_looking = true;
    look_at(server, &server->waiting_changes);
    look_at(server, &server->waiting_reads);
    server->is_looking = false;
}

void rpc_server_serve_in_room(struct rpc_server_call *call) {
    struct rpc_server_lane *lane = lane_of(call);
    if (lane->first == NULL && has_room(call, most_bytes(call))) {
        begin(call);
        return;
    }
    append(lane, call);
    look_at_waiting(call->server);
}

void rpc_server_reply_made(struct rpc_server_call *call) {
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
    look_at_waiting(call->server);
}

void rpc_server_give_room(struct rpc_server_call *call) {
    struct rpc_server *server = call->server;
    if (call->is_making) {
        call->is_making = false;
        server->making--;
    }
    if (call->held > 0) {
        take_away(call, call->held);
    }
    call->reply_bytes = 0;
    look_at_waiting(server);
}

void rpc_server_refuse_waiting(struct rpc_server *server) {
    look_at_waiting(server);
}
