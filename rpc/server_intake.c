#include "base/core/check.h"
#include "base/core/clock.h"
#include "base/core/container_of.h"
#include "rpc/server_call_internal.h"
#include "rpc/server_direct_internal.h"
#include "rpc/server_intake_internal.h"
#include "rpc/server_room_internal.h"
#include "rpc/slice_internal.h"

// Calls of a method that gRPC core is asked for at once. More only help a burst within one
// event, and each costs every other call a little: Debian's core checks each tag that
// completes against all that are outstanding. So a method begins with one.
enum { MOST_ACCEPTS = 16 };

// --- refusing ---

static void refuse_unknown_method(struct rpc_server_call *call) {
    struct slice method = rpc_slice_view(&call->details.method);
    rpc_server_call_fail(call, error_new(&call->arena, STATUS_UNIMPLEMENTED, REASON_METHOD_UNKNOWN,
                                         "there is no method \"%.*s\"", SLICE_FMT(method)));
}

static void refuse_stopping(struct rpc_server_call *call) {
    struct error *e = error_new(&call->arena, STATUS_UNAVAILABLE, REASON_SERVER_STOPPING,
                                "the server is stopping; nothing was changed");
    e->retry_after_ms = RPC_RETRY_WHEN_STOPPING_MS;
    metrics_counter_add(call->server->metrics->refused[RPC_REFUSED_STOPPING], 1);
    rpc_server_call_fail(call, e);
}

// Of a limit on something that calls give back soon.
static void refuse_full(struct rpc_server_call *call, enum rpc_refusal why, struct error *error) {
    metrics_counter_add(call->server->metrics->refused[why], 1);
    error->retry_after_ms = RPC_RETRY_WHEN_FULL_MS;
    rpc_server_call_fail(call, error);
}

static int limited_calls(const struct rpc_server *server) {
    return server->calls_in_flight - server->anonymous_stream_count -
           server->own_limit_stream_count - server->long_polls;
}

static void refuse_call(struct rpc_server_call *call) {
    const struct rpc_server *server = call->server;
    bool for_reads =
        call->acceptor->method->is_read && limited_calls(server) < server->max_calls_in_flight;
    refuse_full(call, for_reads ? RPC_REFUSED_READS : RPC_REFUSED_CALLS,
                error_new(&call->arena, STATUS_RESOURCE_EXHAUSTED, REASON_QUEUE_FULL,
                          "the server has %d calls in flight, its limit%s", limited_calls(server),
                          for_reads ? " for reads" : ""));
}

static void refuse_stream(struct rpc_server_call *call) {
    refuse_full(call, RPC_REFUSED_STREAMS,
                error_new(&call->arena, STATUS_RESOURCE_EXHAUSTED, REASON_QUEUE_FULL,
                          "the server has %d streams open, its limit", call->server->max_streams));
}

static void refuse_anonymous(struct rpc_server_call *call) {
    refuse_full(call, RPC_REFUSED_ANONYMOUS,
                error_new(&call->arena, STATUS_RESOURCE_EXHAUSTED, REASON_QUEUE_FULL,
                          "the server has %d streams open that need no token, its limit; "
                          "calls, and streams with a token, are not affected",
                          call->server->max_anonymous_streams));
}

static void refuse_bytes(struct rpc_server_call *call) {
    refuse_full(call, RPC_REFUSED_BYTES,
                error_new(&call->arena, STATUS_RESOURCE_EXHAUSTED, REASON_QUEUE_FULL,
                          "the server holds as many bytes of requests and replies as it "
                          "may, %zu; nothing was changed",
                          call->server->max_held));
}

// --- serving ---

static void begin(struct rpc_server_call *call) {
    const struct rpc_method *method = call->acceptor->method;
    if (method->kind == RPC_UNARY) {
        rpc_server_call_at_handler(call);
    }
    method->handle(method->service, call);
}

void rpc_server_intake_serve_waiting(struct rpc_server *server) {
    enum rpc_server_room_verdict verdict;
    struct rpc_server_call *call;
    while ((call = rpc_server_room_next(server, &verdict)) != NULL) {
        if (verdict == RPC_ROOM_SERVE) {
            begin(call);
        } else if (server->stopping) {
            refuse_stopping(call);
        } else {
            refuse_bytes(call);
        }
    }
}

static void run_room(struct rpc_task *task) {
    struct rpc_server *server = CONTAINER_OF(task, struct rpc_server, room_task);
    server->is_room_posted = false;
    rpc_server_intake_serve_waiting(server);
    server->pending--;
    rpc_server_core_check_idle(server);
}

// In the words of gRPC core, which looks at all others.
static const struct error *check_direct_request(struct rpc_server_call *call) {
    size_t bytes = call->request.bytes.len;
    size_t max_bytes = call->server->max_request_bytes;
    return bytes <= max_bytes
               ? NULL
               : error_new(&call->arena, STATUS_RESOURCE_EXHAUSTED, REASON_NONE,
                           "Received message larger than max (%zu vs. %zu)", bytes, max_bytes);
}

static const struct error *read_request(struct rpc_server_call *call) {
    if (call->is_direct) {
        return check_direct_request(call);
    }
    if (call->payload == NULL) {
        return error_new(&call->arena, STATUS_INVALID_ARGUMENT, REASON_MESSAGE_MALFORMED,
                         "the call of %s has no request message", call->acceptor->method->path);
    }
    grpc_byte_buffer *payload = call->payload;
    call->payload = NULL;
    return rpc_server_call_take_message(call, &call->arena, payload, &call->request);
}

// Whether the call is within the limits of numbers; if not, it was refused.
static bool is_within_limits(struct rpc_server_call *call) {
    const struct rpc_server *server = call->server;
    const struct rpc_method *method = call->acceptor->method;
    int limit = method->is_read ? server->max_calls_for_reads : server->max_calls_in_flight;
    if (method->is_anonymous) {
        if (server->anonymous_stream_count >= server->max_anonymous_streams) {
            refuse_anonymous(call);
            return false;
        }
    } else if (method->has_own_limit) {
        return true;
    } else if (limited_calls(server) >= limit) {
        refuse_call(call);
        return false;
    } else if (method->kind != RPC_UNARY && server->stream_count >= server->max_streams) {
        refuse_stream(call);
        return false;
    }
    return true;
}

static void serve(struct rpc_server_call *call) {
    struct rpc_server *server = call->server;
    call->started_us = clock_monotonic_us();
    atomic_store_explicit(&server->last_call_us, call->started_us, memory_order_relaxed);
    atomic_store_explicit(&call->answerer, RPC_ANSWERER_NOBODY, memory_order_relaxed);
    if (call->acceptor->method == NULL) {
        refuse_unknown_method(call);
        return;
    }
    if (server->stopping) {
        refuse_stopping(call);
        return;
    }
    const struct rpc_method *method = call->acceptor->method;
    if (!is_within_limits(call)) {
        return;
    }
    call->counted = true;
    server->calls_in_flight++;
    metrics_gauge_add(server->metrics->in_flight[rpc_server_core_kind_of(method)], 1);
    server->anonymous_stream_count += method->is_anonymous;
    server->own_limit_stream_count += method->has_own_limit;
    const struct error *error = method->kind == RPC_BIDI_STREAM ? NULL : read_request(call);
    if (error != NULL) {
        rpc_server_call_fail(call, error);
    } else if (method->is_anonymous || rpc_server_room_take(call)) {
        begin(call);
    } else {
        rpc_server_intake_serve_waiting(server);
    }
}

// --- taking calls ---

static void call_taken(struct rpc_tag *tag, bool ok);

// Messages of clients are awaited, and complete while the loop waits in its own queue; those of
// callback queues would change threads for it. A server's messages complete where they are sent.
static grpc_completion_queue *queue_of(struct rpc_server *server, const struct rpc_method *method) {
    return method->kind == RPC_SERVER_STREAM ? rpc_stream_queues_next(&server->stream_queues)
                                             : server->queue;
}

// Asks gRPC for one more call.
static void take_one(struct rpc_server *server, struct rpc_acceptor *acceptor) {
    acceptor->waiting++;
    struct rpc_server_call *call = rpc_server_core_take_call(server, call_taken);
    call->acceptor = acceptor;
    if (acceptor->method != NULL && acceptor->method->has_own_limit) {
        rpc_server_core_take_little(call);
    }
    grpc_call_error error;
    if (acceptor->method != NULL) {
        grpc_byte_buffer **payload =
            acceptor->method->kind == RPC_BIDI_STREAM ? NULL : &call->payload;
        error = grpc_server_request_registered_call(
            server->core, acceptor->registered, &call->core, &call->deadline, &call->metadata,
            payload, queue_of(server, acceptor->method), server->queue, &call->accept_tag);
    } else {
        error = grpc_server_request_call(server->core, &call->core, &call->details, &call->metadata,
                                         server->queue, server->queue, &call->accept_tag);
    }
    CHECK(error == GRPC_CALL_OK); // arguments that no input has a part in
}

// Asks for as many calls as were taken, and for one more of a method that is called often.
static void take_more(struct rpc_server *server, struct rpc_acceptor *acceptor) {
    if (acceptor->wanted < MOST_ACCEPTS) {
        acceptor->wanted++;
    }
    while (acceptor->waiting < acceptor->wanted) {
        take_one(server, acceptor);
    }
}

static void call_taken(struct rpc_tag *tag, bool ok) {
    struct rpc_server_call *call = CONTAINER_OF(tag, struct rpc_server_call, accept_tag);
    struct rpc_server *server = call->server;
    struct rpc_acceptor *acceptor = &server->acceptors[call->acceptor - server->acceptors];
    acceptor->waiting--;
    if (!ok) { // the server shuts down
        rpc_server_core_give_back_call(call);
        return;
    }
    atomic_fetch_add(&server->answering, 1);
    take_more(server, acceptor);
    if (call->acceptor->method == NULL) {
        call->deadline = call->details.deadline;
    }
    serve(call);
}

void rpc_server_intake_take_direct(struct rpc_server *server, const struct rpc_acceptor *acceptor,
                                   struct rpc_direct *direct) {
    struct rpc_server_call *call = rpc_server_core_take_call(server, call_taken);
    call->acceptor = acceptor;
    rpc_server_direct_fill(call, direct);
    atomic_fetch_add(&server->answering, 1);
    serve(call);
}

static void run_start(struct rpc_task *task) {
    struct rpc_server *server = CONTAINER_OF(task, struct rpc_server, start_task);
    for (size_t i = 0; i < server->acceptor_count; i++) {
        take_more(server, &server->acceptors[i]);
    }
    rpc_server_core_reach(server, RPC_SERVER_STARTED);
}

void rpc_server_intake_init(struct rpc_server *server) {
    server->start_task.run = run_start;
    server->room_task.run = run_room;
}

void rpc_server_intake_start(struct rpc_server *server) {
    rpc_loop_post(server->loop, &server->start_task);
}
