#include "rpc/client.h"

#include <pthread.h>

#include "base/core/check.h"
#include "base/core/container_of.h"
#include "rpc/client_core_internal.h"
#include "rpc/client_error_internal.h"
#include "rpc/metadata_array_internal.h"

struct rpc_client_call_state {
    struct rpc_client_core core;
    struct rpc_batch batch;
    struct rpc_task task; // start on the loop's thread
    struct rpc_client_call *call;
    struct rpc_message response;

    pthread_mutex_t mutex; // rpc_client_call_wait only; guards is_done
    pthread_cond_t changed;
    bool is_done;
};

// --- the end ---

static void take_response(struct rpc_client_call *call) {
    struct rpc_client_call_state *state = call->state;
    if (state->batch.message == NULL) {
        call->error = client_error_new(call->arena, STATUS_INTERNAL, REASON_RESPONSE_MALFORMED,
                                       "the server's reply has no message");
        return;
    }
    call->error =
        rpc_client_core_take_message(call->arena, call->method, &state->batch, &state->response);
    call->response = state->response.bytes;
}

static void batch_done(struct rpc_tag *tag, bool ok) {
    (void)ok; // a batch that receives the status is always ok
    struct rpc_client_call_state *state =
        CONTAINER_OF(tag, struct rpc_client_call_state, batch.tag);
    struct rpc_client_call *call = state->call;
    call->status_details = rpc_client_core_details(&state->batch);
    call->error = rpc_client_core_error(&state->core, call->arena, &state->batch);
    if (call->error == NULL) {
        take_response(call);
    }
    call->done(call);
}

// --- the start ---

static void run_start(struct rpc_task *task) {
    struct rpc_client_call_state *state = CONTAINER_OF(task, struct rpc_client_call_state, task);
    struct rpc_client_call *call = state->call;
    call->error = rpc_client_core_open(&state->core, call->arena, call->method, call->deadline_us);
    if (call->error == NULL) {
        call->error = rpc_client_core_start(&state->core, call->arena, &state->batch);
    }
    if (call->error != NULL) {
        call->done(call);
    }
}

// Makes everything ready for the start.
static void prepare(struct rpc_client_call *call) {
    struct rpc_client_call_state *state = arena_zalloc(call->arena, sizeof(*state));
    state->call = call;
    state->task.run = run_start;
    state->core.is_read = call->is_read;
    call->state = state;
    call->error = NULL;
    call->response = SLICE_EMPTY;
    call->status_details = SLICE_EMPTY;
    rpc_batch_init(&state->batch, call->method->channel->loop, batch_done);
    rpc_client_core_send_request(&state->batch, call->arena, call->metadata, call->metadata_count,
                                 call->request);
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
    rpc_client_core_cancel(&call->state->core);
}

void rpc_client_call_release(struct rpc_client_call *call) {
    struct rpc_client_call_state *state = call->state;
    rpc_message_release(&state->response);
    rpc_batch_destroy(&state->batch);
    rpc_client_core_release(&state->core);
    call->state = NULL;
    call->response = SLICE_EMPTY;
    call->status_details = SLICE_EMPTY;
}

bool rpc_client_call_is_unsent(const struct rpc_client_call *call) {
    return rpc_client_core_is_unsent(&call->state->core);
}

// --- metadata ---

bool rpc_client_call_metadata(const struct rpc_client_call *call, const char *key,
                              struct slice *ret_value) {
    const struct rpc_batch *b = &call->state->batch;
    return rpc_metadata_array_find(&b->initial_metadata, key, ret_value) ||
           rpc_metadata_array_find(&b->trailing_metadata, key, ret_value);
}

void rpc_client_call_each_metadata(const struct rpc_client_call *call, rpc_metadata_visitor *each,
                                   void *context) {
    rpc_metadata_array_each(&call->state->batch.initial_metadata, each, context);
    rpc_metadata_array_each(&call->state->batch.trailing_metadata, each, context);
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
    CHECK(!rpc_loop_is_current(call->method->channel->loop));
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
