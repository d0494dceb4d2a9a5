#include "gateway/reflection/reflection_call.h"

#include <pthread.h>

#include "base/core/clock.h"
#include "base/core/container_of.h"
#include "base/core/strbuf.h"
#include "base/thread/condition.h"
#include "rpc/client_stream.h"

enum { POLL_US = 50000 };

struct waiter {
    struct rpc_client_stream stream;
    pthread_mutex_t mutex; // guards what follows
    pthread_cond_t changed;
    struct strbuf reply;
    bool has_reply;
    bool is_done;
};

static void on_message(struct rpc_client_stream *stream, struct slice message) {
    struct waiter *w = CONTAINER_OF(stream, struct waiter, stream);
    pthread_mutex_lock(&w->mutex);
    if (!w->has_reply) {
        strbuf_append_slice(&w->reply, message);
        w->has_reply = true;
    }
    pthread_mutex_unlock(&w->mutex);
    rpc_client_stream_next(stream);
}

static void on_done(struct rpc_client_stream *stream) {
    struct waiter *w = CONTAINER_OF(stream, struct waiter, stream);
    pthread_mutex_lock(&w->mutex);
    w->is_done = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

// Waits a moment or until w is done.
static void wait_a_moment(struct waiter *w) {
    condition_wait(&w->changed, &w->mutex, clock_monotonic_us() + POLL_US);
}

static void wait_until_done(struct waiter *w, const struct reflection_target *target) {
    bool is_cancelled = false;
    pthread_mutex_lock(&w->mutex);
    while (!w->is_done) {
        wait_a_moment(w);
        if (!is_cancelled && target->should_stop != NULL && target->should_stop()) {
            is_cancelled = true;
            pthread_mutex_unlock(&w->mutex);
            rpc_client_stream_cancel(&w->stream);
            pthread_mutex_lock(&w->mutex);
        }
    }
    pthread_mutex_unlock(&w->mutex);
}

static const struct error *copy_error(struct arena *a, const struct error *error) {
    struct error *e = error_new(a, error->code, REASON_NONE, "%s", error->message);
    e->detail = error->detail != NULL ? arena_printf(a, "%s", error->detail) : NULL;
    return e;
}

const struct error *reflection_call(struct arena *a, struct reflection_target *target,
                                    const char *path, struct slice request,
                                    struct slice *ret_reply) {
    struct arena call_arena;
    arena_init(&call_arena);
    struct waiter w = {
        .stream =
            {
                .method = rpc_channel_method(target->upstream, path),
                .request = request,
                .deadline_us = target->deadline_us,
                .server = &target->server,
                .arena = &call_arena,
                .message = on_message,
                .done = on_done,
            },
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .reply = STRBUF_INIT,
    };
    condition_init(&w.changed);
    rpc_client_stream_start(&w.stream);
    rpc_client_stream_next(&w.stream);
    wait_until_done(&w, target);
    const struct error *error = NULL;
    if (w.stream.error != NULL) {
        error = copy_error(a, w.stream.error);
    } else if (!w.has_reply) {
        error = error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                          "the upstream's server reflection ended without an answer");
    } else {
        *ret_reply = arena_copy(a, strbuf_slice(&w.reply));
    }
    struct rpc_client_method *method = w.stream.method;
    rpc_client_stream_release(&w.stream);
    rpc_channel_method_release(method);
    strbuf_release(&w.reply);
    pthread_mutex_destroy(&w.mutex);
    pthread_cond_destroy(&w.changed);
    arena_release(&call_arena);
    return error;
}
