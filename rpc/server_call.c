#include "rpc/server_call.h"

#include <grpc/support/time.h>

#include "base/core/check.h"
#include "base/core/clock.h"
#include "base/core/container_of.h"
#include "rpc/metadata_array_internal.h"
#include "rpc/server_call_internal.h"
#include "rpc/server_direct_internal.h"
#include "rpc/server_long_poll_internal.h"
#include "rpc/server_room_internal.h"
#include "rpc/slice_internal.h"
#include "rpc/status_details.h"

// --- what the handler sees ---

struct slice rpc_server_call_request(struct rpc_server_call *call) {
    return call->request.bytes;
}

void rpc_server_call_drop_request(struct rpc_server_call *call) {
    rpc_message_release(&call->request);
}

struct rpc_loop *rpc_server_call_loop(struct rpc_server_call *call) {
    return call->server->loop;
}

bool rpc_server_call_metadata(struct rpc_server_call *call, const char *key,
                              struct slice *ret_value) {
    return rpc_metadata_array_find(&call->metadata, key, ret_value);
}

int rpc_server_call_metadata_count(struct rpc_server_call *call, const char *key) {
    return rpc_metadata_array_count(&call->metadata, key);
}

struct arena *rpc_server_call_arena(struct rpc_server_call *call) {
    return &call->arena;
}

int64_t rpc_server_call_deadline_us(struct rpc_server_call *call) {
    if (call->is_direct) {
        return call->deadline_us;
    }
    if (gpr_time_cmp(call->deadline, gpr_inf_future(call->deadline.clock_type)) == 0) {
        return 0;
    }
    gpr_timespec left = gpr_time_sub(call->deadline, gpr_now(call->deadline.clock_type));
    int64_t deadline_us =
        clock_monotonic_us() + left.tv_sec * 1000000 + left.tv_nsec / GPR_NS_PER_US;
    return deadline_us != 0 ? deadline_us : 1;
}

const struct rpc_method *rpc_server_call_method(struct rpc_server_call *call) {
    return call->acceptor->method;
}

bool rpc_server_call_is_direct(struct rpc_server_call *call) {
    return call->is_direct;
}

int64_t rpc_server_call_started_us(struct rpc_server_call *call) {
    return call->started_us;
}

// --- the client's messages ---

const struct error *rpc_server_call_take_message(const struct rpc_server_call *call,
                                                 struct arena *a, grpc_byte_buffer *buffer,
                                                 struct rpc_message *ret) {
    const char *path = call->acceptor->method->path;
    size_t max_bytes = call->server->max_request_bytes;
    if (call->acceptor->method->is_anonymous && max_bytes > RPC_MOST_ANONYMOUS_BYTES) {
        max_bytes = RPC_MOST_ANONYMOUS_BYTES;
    }
    switch (rpc_message_take(buffer, max_bytes, ret)) {
    case RPC_MESSAGE_OK:
        return NULL;
    case RPC_MESSAGE_TOO_LARGE:
        return error_new(a, STATUS_RESOURCE_EXHAUSTED, REASON_MESSAGE_TOO_LARGE,
                         "the request message of %s is larger than %zu bytes", path, max_bytes);
    case RPC_MESSAGE_MALFORMED:
        break;
    }
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_MESSAGE_MALFORMED,
                     "the compressed request message of %s cannot be decompressed", path);
}

// --- the end ---

void rpc_server_call_at_handler(struct rpc_server_call *call) {
    struct rpc_server *server = call->server;
    call->next = server->unary_calls;
    call->link = &server->unary_calls;
    if (call->next != NULL) {
        call->next->link = &call->next;
    }
    server->unary_calls = call;
}

static void unlink_unary(struct rpc_server_call *call) {
    if (call->link != NULL) {
        *call->link = call->next;
        if (call->next != NULL) {
            call->next->link = call->link;
        }
        call->link = NULL;
    }
}

void rpc_server_call_ended(struct rpc_server_call *call) {
    if (call->long_poll != NULL && !rpc_server_long_poll_end(call, rpc_server_call_ended)) {
        return;
    }
    struct rpc_server *server = call->server;
    unlink_unary(call);
    if (call->counted) {
        call->counted = false;
        server->calls_in_flight--;
        metrics_gauge_add(
            server->metrics->in_flight[rpc_server_core_kind_of(call->acceptor->method)], -1);
        server->anonymous_stream_count -= call->acceptor->method->is_anonymous;
        server->own_limit_stream_count -= call->acceptor->method->has_own_limit;
        rpc_server_core_check_quiet(server);
    }
    rpc_server_room_give_back(call);
    atomic_fetch_sub(&server->answering, 1);
    rpc_server_core_give_back_call(call);
}

// --- the answer ---

static void answer_done(struct rpc_tag *tag, bool ok) {
    // Not ok: the caller has gone.
    (void)ok;
    rpc_server_call_ended(CONTAINER_OF(tag, struct rpc_server_call, answer.tag));
}

static void start_answer(struct rpc_server_call *call) {
    rpc_server_core_count_answer(call, call->answer_code, call->answer_reason);
    if (call->long_poll != NULL) {
        rpc_server_long_poll_answered(call);
    }
    rpc_server_room_reply_made(call);
    if (call->is_direct) {
        rpc_server_direct_answer(call, call->direct_details);
        rpc_server_call_ended(call);
        return;
    }
    grpc_call_error error = rpc_batch_start(&call->answer, call->core);
    if (error == GRPC_CALL_OK) {
        return;
    }
    // The operations are ours, so gRPC refuses them only through a defect. The
    // caller must not wait for nothing.
    LOG(call->server->log, LOG_ERROR, "gRPC core refused an answer",
        log_text("error", grpc_call_error_to_string(error)));
    grpc_call_cancel_with_status(call->core, GRPC_STATUS_INTERNAL, "the answer cannot be sent",
                                 NULL);
    rpc_server_call_ended(call);
}

static void run_answer(struct rpc_task *task) {
    start_answer(CONTAINER_OF(task, struct rpc_server_call, answer_task));
}

// Sends the answer in one batch, which also waits for the call's end: two events
// a call in all. The client of a direct call is called by a task, not from the handler.
static void send(struct rpc_server_call *call) {
    if (call->is_direct) {
        rpc_loop_post(call->server->loop, &call->answer_task);
        return;
    }
    if (call->long_poll == NULL) { // which has asked for it
        rpc_batch_receive_close(&call->answer);
    }
    // gRPC core takes locks and writes to the socket: on its own thread both are
    // cheap, and other threads have work of their own.
    if (rpc_loop_is_current(call->server->loop)) {
        start_answer(call);
    } else {
        rpc_loop_post(call->server->loop, &call->answer_task);
    }
}

struct slice rpc_server_call_details(const struct rpc_server *server, struct arena *a,
                                     const struct error *given) {
    CHECK(given->code != STATUS_OK);
    struct error error = *given;
    if (error.domain == NULL) {
        error.domain = server->error_domain;
    }
    return status_details_encode(a, &error);
}

static void add_error(const struct rpc_server *server, struct rpc_batch *batch, struct arena *a,
                      grpc_metadata trailers[1], const struct error *error) {
    trailers[0].key = grpc_slice_from_static_string("grpc-status-details-bin");
    trailers[0].value = rpc_slice_copy(rpc_server_call_details(server, a, error));
    if (server->errors_in_trailers) {
        rpc_batch_send_status(batch, GRPC_STATUS_OK, SLICE_EMPTY, trailers, 1);
    } else {
        rpc_batch_send_status(batch, (grpc_status_code)error->code, status_message(a, error),
                              trailers, 1);
    }
}

void rpc_server_call_add_status(const struct rpc_server *server, struct rpc_batch *batch,
                                struct arena *a, grpc_metadata trailers[1],
                                const struct error *error) {
    if (error == NULL) {
        rpc_batch_send_status(batch, GRPC_STATUS_OK, SLICE_EMPTY, NULL, 0);
    } else {
        add_error(server, batch, a, trailers, error);
    }
}

static void add_status(struct rpc_server_call *call, const struct error *error) {
    rpc_server_call_add_status(call->server, &call->answer, &call->arena, call->trailers, error);
}

static void copy_metadata(const struct rpc_metadata *pairs, int count, grpc_metadata *ret) {
    for (int i = 0; i < count; i++) {
        ret[i].key = rpc_slice_copy(slice_of_cstr(pairs[i].key));
        ret[i].value = rpc_slice_copy(pairs[i].value);
    }
}

size_t rpc_server_call_copy_head(const struct rpc_server_call *call,
                                 grpc_metadata ret[RPC_MOST_HEAD_METADATA]) {
    copy_metadata(call->head_metadata, call->head_metadata_count, ret);
    return (size_t)call->head_metadata_count;
}

void rpc_server_call_add_head_to_error(struct rpc_server_call *call, struct arena *a) {
    if (call->head_metadata_count == 0) {
        return;
    }
    grpc_metadata *pairs = ARENA_ARRAY(a, grpc_metadata, RPC_MOST_HEAD_METADATA + 1);
    rpc_batch_add_trailers(&call->answer, pairs, rpc_server_call_copy_head(call, pairs));
}

// Of a reply.
static void prepare_batch(struct rpc_server_call *call) {
    size_t count = (size_t)call->head_metadata_count + (size_t)call->reply_metadata_count;
    grpc_metadata *copies = NULL;
    if (count > 0) {
        copies = ARENA_ARRAY(&call->arena, grpc_metadata, count);
        copy_metadata(call->head_metadata, call->head_metadata_count, copies);
        copy_metadata(call->reply_metadata, call->reply_metadata_count,
                      copies + call->head_metadata_count);
    }
    call->answer.tag.done = answer_done;
    rpc_batch_send_metadata(&call->answer, copies, count);
}

// Whether the stop has answered the call already: then the handler's answer goes nowhere,
// and the call ends once late_task (of server_parting) has run.
static bool is_too_late(struct rpc_server_call *call) {
    if (atomic_exchange(&call->answerer, RPC_ANSWERER_HANDLER) != RPC_ANSWERER_STOP) {
        return false;
    }
    rpc_loop_post(call->server->loop, &call->late_task);
    return true;
}

void rpc_server_call_set_reply_metadata(struct rpc_server_call *call,
                                        const struct rpc_metadata *pairs, int count) {
    call->reply_metadata = pairs;
    call->reply_metadata_count = count;
}

void rpc_server_call_set_head_metadata(struct rpc_server_call *call,
                                       const struct rpc_metadata *pairs, int count) {
    CHECK(count <= RPC_MOST_HEAD_METADATA);
    call->head_metadata = pairs;
    call->head_metadata_count = count;
}

void rpc_server_call_reply(struct rpc_server_call *call, const struct slice *parts, size_t count) {
    if (is_too_late(call)) {
        return;
    }
    call->answer_task.run = run_answer;
    call->answer_code = STATUS_OK;
    call->answer_reason = REASON_NONE;
    for (size_t i = 0; i < count; i++) {
        call->reply_bytes += parts[i].len;
    }
    if (call->is_direct) {
        rpc_message_copy(parts, count, &call->direct_reply);
    } else {
        prepare_batch(call);
        rpc_batch_send_message(&call->answer, parts, count);
        add_status(call, NULL);
    }
    send(call);
}

void rpc_server_call_fail(struct rpc_server_call *call, const struct error *error) {
    if (is_too_late(call)) {
        return;
    }
    call->answer_task.run = run_answer;
    call->answer_code = error->code;
    call->answer_reason = error->reason_id;
    if (call->is_direct) {
        call->direct_details = rpc_server_call_details(call->server, &call->arena, error);
    } else {
        call->answer.tag.done = answer_done;
        rpc_batch_send_metadata(&call->answer, NULL, 0);
        add_status(call, error);
        rpc_server_call_add_head_to_error(call, &call->arena);
    }
    send(call);
}
