#include "rpc/client.h"

#include <assert.h>
#include <grpc/grpc.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/container_of.h"
#include "rpc/batch.h"
#include "rpc/channel.h"
#include "rpc/message.h"
#include "rpc/status_details.h"

struct rpc_client_call_state {
    struct rpc_batch batch;
    struct rpc_task task; // start on the loop's thread
    struct rpc_client_call *call;
    struct rpc_message response;
    // Cancelling sets cancelled, then looks for core; starting sets core, then
    // looks at cancelled: one of the two sees the other.
    _Atomic(grpc_call *) core;
    atomic_bool cancelled;

    pthread_mutex_t mutex; // rpc_client_call_wait only; guards is_done
    pthread_cond_t changed;
    bool is_done;
};

// --- the end ---

static void fail(struct rpc_client_call *call, enum status_code code, const char *message,
                 const char *detail) {
    struct error *e = error_new(call->arena, code, NULL, "%s", message);
    e->detail = detail;
    call->error = e;
}

static const struct error *received_error(struct rpc_client_call *call, struct rpc_batch *b) {
    struct slice details = SLICE_EMPTY;
    rpc_metadata_find(&b->trailing_metadata, "grpc-status-details-bin", &details);
    struct slice message = rpc_slice_view(&b->status_message);
    struct error *e = status_details_decode(call->arena, (int)b->status, message, details);
    // A stopping gRPC core server drops a call that it has not handed out yet, which
    // arrives as a cancellation that nobody asked for.
    bool is_dropped = e->code == STATUS_CANCELLED && !atomic_load(&call->state->cancelled);
    if (details.len == 0 && (e->code == STATUS_UNAVAILABLE || is_dropped)) {
        // gRPC core's own words hold addresses and errno texts: not for the public.
        e->code = STATUS_UNAVAILABLE;
        e->detail = e->message;
        e->message = "the server cannot be reached, or the connection to it broke";
    }
    return e;
}

static void take_response(struct rpc_client_call *call, struct rpc_batch *b) {
    if (b->message == NULL) {
        fail(call, STATUS_INTERNAL, "the server's reply has no message", NULL);
        return;
    }
    grpc_byte_buffer *message = b->message;
    b->message = NULL;
    size_t max_bytes = call->method->channel->max_reply_bytes;
    switch (rpc_message_take(message, max_bytes, &call->state->response)) {
    case RPC_MESSAGE_OK:
        call->response = call->state->response.bytes;
        return;
    case RPC_MESSAGE_TOO_LARGE:
        call->error = error_new(call->arena, STATUS_RESOURCE_EXHAUSTED, NULL,
                                "the reply is larger than %zu bytes", max_bytes);
        return;
    case RPC_MESSAGE_MALFORMED:
        break;
    }
    fail(call, STATUS_INTERNAL, "the server's compressed reply cannot be decompressed", NULL);
}

static void batch_done(struct rpc_tag *tag, bool ok) {
    (void)ok; // a batch that receives the status is always ok
    struct rpc_client_call_state *state =
        CONTAINER_OF(tag, struct rpc_client_call_state, batch.tag);
    struct rpc_client_call *call = state->call;
    if (state->batch.status != GRPC_STATUS_OK) {
        call->error = received_error(call, &state->batch);
    } else {
        take_response(call, &state->batch);
    }
    call->done(call);
}

// --- the start ---

static gpr_timespec core_deadline(int64_t deadline_us) {
    if (deadline_us == 0) {
        return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    }
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_micros(deadline_us - clock_monotonic_us(), GPR_TIMESPAN));
}

static void start(struct rpc_client_call_state *state) {
    struct rpc_client_call *call = state->call;
    struct rpc_channel *channel = call->method->channel;
    if (call->deadline_us != 0 && call->deadline_us <= clock_monotonic_us()) {
        // gRPC core's clock is coarser: it might let the call go out.
        fail(call, STATUS_DEADLINE_EXCEEDED, "the deadline passed before the call began", NULL);
        call->done(call);
        return;
    }
    grpc_call *core = grpc_channel_create_registered_call(
        channel->core, NULL, GRPC_PROPAGATE_DEFAULTS, channel->queue, call->method->registered,
        core_deadline(call->deadline_us), NULL);
    atomic_store(&state->core, core);
    grpc_call_error error = rpc_batch_start(&state->batch, core);
    if (error == GRPC_CALL_ERROR_INVALID_METADATA) {
        fail(call, STATUS_INVALID_ARGUMENT,
             "the call's metadata has a key or a value that HTTP does not allow", NULL);
    } else if (error != GRPC_CALL_OK) {
        fail(call, STATUS_INTERNAL, "the call could not be started",
             grpc_call_error_to_string(error));
    } else if (atomic_load(&state->cancelled)) {
        grpc_call_cancel(core, NULL);
    }
    if (error != GRPC_CALL_OK) {
        call->done(call);
    }
}

static void run_start(struct rpc_task *task) {
    start(CONTAINER_OF(task, struct rpc_client_call_state, task));
}

// Makes everything ready for start.
static void prepare(struct rpc_client_call *call) {
    struct rpc_client_call_state *state = arena_zalloc(call->arena, sizeof(*state));
    state->call = call;
    state->task.run = run_start;
    call->state = state;
    call->error = NULL;
    call->response = SLICE_EMPTY;

    size_t count = (size_t)call->metadata_count;
    grpc_metadata *metadata = ARENA_ARRAY(call->arena, grpc_metadata, count);
    for (size_t i = 0; i < count; i++) {
        metadata[i].key = rpc_slice_copy(slice_of_cstr(call->metadata[i].key));
        metadata[i].value = rpc_slice_copy(call->metadata[i].value);
    }
    rpc_batch_init(&state->batch, batch_done);
    rpc_batch_send_metadata(&state->batch, metadata, count);
    rpc_batch_send_message(&state->batch, &call->request, 1);
    rpc_batch_send_close(&state->batch);
    rpc_batch_receive_metadata(&state->batch);
    rpc_batch_receive_message(&state->batch);
    rpc_batch_receive_status(&state->batch);
}

void rpc_client_call_start(struct rpc_client_call *call) {
    prepare(call);
    // From the loop's thread too, so that done is never called from within.
    rpc_loop_post(call->method->channel->loop, &call->state->task);
}

void rpc_client_call_cancel(struct rpc_client_call *call) {
    struct rpc_client_call_state *state = call->state;
    atomic_store(&state->cancelled, true);
    grpc_call *core = atomic_load(&state->core);
    if (core != NULL) {
        grpc_call_cancel(core, NULL);
    }
}

void rpc_client_call_release(struct rpc_client_call *call) {
    struct rpc_client_call_state *state = call->state;
    rpc_message_release(&state->response);
    rpc_batch_destroy(&state->batch);
    grpc_call *core = atomic_load(&state->core);
    if (core != NULL) {
        grpc_call_unref(core);
    }
    call->state = NULL;
    call->response = SLICE_EMPTY;
}

// --- waiting ---

static void wake_waiter(struct rpc_client_call *call) {
    struct rpc_client_call_state *state = call->state;
    pthread_mutex_lock(&state->mutex);
    state->is_done = true;
    pthread_cond_signal(&state->changed);
    pthread_mutex_unlock(&state->mutex);
}

void rpc_client_call_wait(struct rpc_client_call *call) {
    assert(!rpc_loop_is_current(call->method->channel->loop));
    call->done = wake_waiter;
    prepare(call);
    struct rpc_client_call_state *state = call->state;
    pthread_mutex_init(&state->mutex, NULL);
    pthread_cond_init(&state->changed, NULL);
    rpc_loop_post(call->method->channel->loop, &state->task);
    pthread_mutex_lock(&state->mutex);
    while (!state->is_done) {
        pthread_cond_wait(&state->changed, &state->mutex);
    }
    pthread_mutex_unlock(&state->mutex);
    pthread_cond_destroy(&state->changed);
    pthread_mutex_destroy(&state->mutex);
}
