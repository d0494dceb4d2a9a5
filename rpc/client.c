#include "rpc/client.h"

#include <pthread.h>

#include "base/core/check.h"
#include "base/core/container_of.h"
#include "rpc/client_core_internal.h"
#include "rpc/client_direct_internal.h"
#include "rpc/client_error_internal.h"
#include "rpc/metadata_array_internal.h"

// A call by gRPC core.
struct client_remote {
    struct rpc_client_core core;
    struct rpc_batch batch;
    struct rpc_client_call *call;
    struct rpc_message response;
};

struct rpc_client_call_state {
    struct client_remote *remote; // NULL: by direct
    struct client_direct direct;
    struct rpc_client_call *call;
    struct rpc_task task; // start on the loop's thread

    pthread_mutex_t mutex; // rpc_client_call_wait only; guards is_done
    pthread_cond_t changed;
    bool is_done;
};

// --- by gRPC core ---

static void take_response(struct client_remote *remote) {
    struct rpc_client_call *call = remote->call;
    if (remote->batch.message == NULL) {
        call->error = client_error_new(call->arena, STATUS_INTERNAL, REASON_RESPONSE_MALFORMED,
                                       "the server's reply has no message");
        return;
    }
    call->error =
        rpc_client_core_take_message(call->arena, call->method, &remote->batch, &remote->response);
    call->response = remote->response.bytes;
}

static void batch_done(struct rpc_tag *tag, bool ok) {
    (void)ok; // a batch that receives the status is always ok
    struct client_remote *remote = CONTAINER_OF(tag, struct client_remote, batch.tag);
    struct rpc_client_call *call = remote->call;
    call->status_details = rpc_client_core_details(&remote->batch);
    call->error = rpc_client_core_error(&remote->core, call->arena, &remote->batch);
    if (rpc_client_core_goes_on(&remote->core, call->arena, &remote->batch, call->error)) {
        return;
    }
    if (call->error == NULL) {
        take_response(remote);
    }
    call->done(call);
}

static void start_remote(struct client_remote *remote) {
    struct rpc_client_call *call = remote->call;
    call->error = rpc_client_core_open(&remote->core, call->arena, call->method, call->deadline_us);
    if (call->error == NULL) {
        call->error = rpc_client_core_start(&remote->core, call->arena, &remote->batch);
    }
    if (call->error != NULL &&
        !rpc_client_core_goes_on(&remote->core, call->arena, NULL, call->error)) {
        call->done(call);
    }
}

static void prepare_batch(struct client_remote *remote) {
    struct rpc_client_call *call = remote->call;
    rpc_batch_init(&remote->batch, call->method->channel->loop, batch_done);
    rpc_client_core_send_request(&remote->batch, call->arena, call->metadata, call->metadata_count,
                                 call->request);
    rpc_batch_receive_metadata(&remote->batch);
    rpc_batch_receive_message(&remote->batch);
    rpc_batch_receive_status(&remote->batch);
}

static void start_again(struct balanced_call *balanced) {
    struct client_remote *remote = balanced->context;
    rpc_batch_destroy(&remote->batch);
    remote->call->status_details = SLICE_EMPTY;
    prepare_batch(remote);
    start_remote(remote);
}

static struct client_remote *new_remote(struct rpc_client_call *call) {
    struct client_remote *remote = arena_zalloc(call->arena, sizeof(*remote));
    remote->call = call;
    remote->core.is_read = call->is_read;
    remote->core.balanced =
        rpc_client_core_balanced(call->arena, call->method, false, start_again, remote);
    prepare_batch(remote);
    return remote;
}

static void release_remote(struct client_remote *remote) {
    rpc_message_release(&remote->response);
    rpc_batch_destroy(&remote->batch);
    rpc_client_core_release(&remote->core);
}

// --- directly ---

static void direct_done(struct client_direct *d) {
    struct rpc_client_call_state *state = CONTAINER_OF(d, struct rpc_client_call_state, direct);
    struct rpc_client_call *call = state->call;
    call->error = d->error;
    call->status_details = d->status_details;
    if (d->error == NULL) {
        call->response = d->response.bytes;
    }
    call->done(call);
}

static void init_direct(struct client_direct *d, const struct rpc_client_call *call) {
    d->direct.request = call->request;
    d->direct.metadata = call->metadata;
    d->direct.metadata_count = call->metadata_count;
    d->direct.deadline_us = call->deadline_us;
    d->method = call->method;
    d->arena = call->arena;
    d->is_read = call->is_read;
    d->done = direct_done;
}

// --- by either ---

static void run_start(struct rpc_task *task) {
    struct rpc_client_call_state *state = CONTAINER_OF(task, struct rpc_client_call_state, task);
    if (state->remote != NULL) {
        start_remote(state->remote);
    } else {
        client_direct_start(&state->direct);
    }
}

// Makes everything ready for the start.
static void prepare(struct rpc_client_call *call) {
    struct rpc_client_call_state *state = arena_zalloc(call->arena, sizeof(*state));
    state->call = call;
    state->task.run = run_start;
    call->state = state;
    call->error = NULL;
    call->response = SLICE_EMPTY;
    call->status_details = SLICE_EMPTY;
    if (client_direct_serves(call->method)) {
        init_direct(&state->direct, call);
    } else {
        state->remote = new_remote(call);
    }
}

void rpc_client_call_start(struct rpc_client_call *call) {
    prepare(call);
    // From the loop's thread too, so that done is never called from within.
    rpc_loop_post(call->method->channel->loop, &call->state->task);
}

void rpc_client_call_cancel(struct rpc_client_call *call) {
    struct rpc_client_call_state *state = call->state;
    if (state->remote != NULL) {
        rpc_client_core_cancel(&state->remote->core);
    } else {
        client_direct_cancel(&state->direct);
    }
}

void rpc_client_call_release(struct rpc_client_call *call) {
    struct rpc_client_call_state *state = call->state;
    if (state->remote != NULL) {
        release_remote(state->remote);
    } else {
        client_direct_release(&state->direct);
    }
    call->state = NULL;
    call->response = SLICE_EMPTY;
    call->status_details = SLICE_EMPTY;
}

bool rpc_client_call_is_unsent(const struct rpc_client_call *call) {
    const struct rpc_client_call_state *state = call->state;
    return state->remote != NULL ? rpc_client_core_is_unsent(&state->remote->core)
                                 : !state->direct.is_begun;
}

// --- metadata ---

static const char details_key[] = "grpc-status-details-bin";

static bool direct_metadata(const struct rpc_client_call *call, const char *key,
                            struct slice *ret_value) {
    const struct client_direct *d = &call->state->direct;
    if (client_direct_find_metadata(d->metadata, d->metadata_count, key, ret_value)) {
        return true;
    }
    bool is_there = call->status_details.len > 0 && strcmp(key, details_key) == 0;
    if (is_there) {
        *ret_value = call->status_details;
    }
    return is_there;
}

bool rpc_client_call_metadata(const struct rpc_client_call *call, const char *key,
                              struct slice *ret_value) {
    if (call->state->remote == NULL) {
        return direct_metadata(call, key, ret_value);
    }
    const struct rpc_batch *b = &call->state->remote->batch;
    return rpc_metadata_array_find(&b->initial_metadata, key, ret_value) ||
           rpc_metadata_array_find(&b->trailing_metadata, key, ret_value);
}

void rpc_client_call_each_metadata(const struct rpc_client_call *call, rpc_metadata_visitor *each,
                                   void *context) {
    if (call->state->remote == NULL) {
        const struct client_direct *d = &call->state->direct;
        for (int i = 0; i < d->metadata_count; i++) {
            each(context, slice_of_cstr(d->metadata[i].key), d->metadata[i].value);
        }
        if (call->status_details.len > 0) {
            each(context, slice_of_cstr(details_key), call->status_details);
        }
        return;
    }
    const struct rpc_batch *b = &call->state->remote->batch;
    rpc_metadata_array_each(&b->initial_metadata, each, context);
    rpc_metadata_array_each(&b->trailing_metadata, each, context);
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
