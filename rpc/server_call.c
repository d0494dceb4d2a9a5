#include <grpc/support/time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "rpc/server_internal.h"
#include "rpc/status_details.h"

// One call: what its handler sees, and its answer.

struct slice rpc_server_call_request(struct rpc_server_call *call) {
    return call->request.bytes;
}

bool rpc_server_call_metadata(struct rpc_server_call *call, const char *key,
                              struct slice *ret_value) {
    return rpc_metadata_find(&call->metadata, key, ret_value);
}

int rpc_server_call_metadata_count(struct rpc_server_call *call, const char *key) {
    int count = 0;
    struct slice wanted = slice_of_cstr(key);
    for (size_t i = 0; i < call->metadata.count; i++) {
        count += slice_equal(rpc_slice_view(&call->metadata.metadata[i].key), wanted);
    }
    return count;
}

struct arena *rpc_server_call_arena(struct rpc_server_call *call) {
    return &call->arena;
}

int64_t rpc_server_call_deadline_us(struct rpc_server_call *call) {
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

int64_t rpc_server_call_started_us(struct rpc_server_call *call) {
    return call->started_us;
}

static void answer_done(struct rpc_tag *tag, bool ok) {
    // Not ok is a caller that has gone: nobody is left to be told.
    (void)ok;
    rpc_server_call_ended(CONTAINER_OF(tag, struct rpc_server_call, answer.tag));
}

static void start_answer(struct rpc_server_call *call) {
    rpc_server_reply_made(call);
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
// a call in all.
static void send(struct rpc_server_call *call) {
    rpc_batch_receive_close(&call->answer);
    // gRPC core takes locks and writes to the socket: on its own thread both are
    // cheap, and other threads have work of their own.
    if (rpc_loop_is_current(call->server->loop)) {
        start_answer(call);
    } else {
        rpc_loop_post(call->server->loop, &call->answer_task);
    }
}

static void prepare(struct rpc_server_call *call) {
    call->answer.tag.done = answer_done;
    call->answer_task.run = run_answer;
    rpc_batch_send_metadata(&call->answer, NULL, 0);
}

void rpc_server_call_reply(struct rpc_server_call *call, const struct slice *parts, size_t count) {
    prepare(call);
    for (size_t i = 0; i < count; i++) {
        call->reply_bytes += parts[i].len;
    }
    rpc_batch_send_message(&call->answer, parts, count);
    rpc_server_call_add_status(call, NULL);
    send(call);
}

void rpc_server_call_add_status(struct rpc_server_call *call, const struct error *given) {
    if (given == NULL) {
        rpc_batch_send_status(&call->answer, GRPC_STATUS_OK, SLICE_EMPTY, NULL, 0);
        return;
    }
    CHECK(given->code != STATUS_OK);
    struct error error = *given;
    if (error.domain == NULL) {
        error.domain = call->server->error_domain;
    }
    call->trailers[0].key = grpc_slice_from_static_string("grpc-status-details-bin");
    call->trailers[0].value = rpc_slice_copy(status_details_encode(&call->arena, &error));
    if (call->server->errors_in_trailers) {
        rpc_batch_send_status(&call->answer, GRPC_STATUS_OK, SLICE_EMPTY, call->trailers, 1);
    } else {
        rpc_batch_send_status(&call->answer, (grpc_status_code)error.code,
                              status_message(&call->arena, &error), call->trailers, 1);
    }
}

void rpc_server_call_fail(struct rpc_server_call *call, const struct error *error) {
    prepare(call);
    rpc_server_call_add_status(call, error);
    send(call);
}
