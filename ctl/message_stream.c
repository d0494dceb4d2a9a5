#include "ctl/message_stream.h"

#include <stdlib.h>

#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "base/thread/condition.h"
#include "rpc/client_stream.h"

struct message_stream {
    struct rpc_client_stream call;
    struct rpc_metadata metadata[2];
    struct arena arena; // the call's
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    // Guarded by the mutex. A message is the call's until the next one is asked for.
    struct slice message;
    bool has_message;
    bool is_accepted;
    bool is_done;
    bool is_taken; // of the command alone: the message was handed out, so ask for the next
};

static void on_head(struct rpc_client_stream *call) {
    struct message_stream *s = CONTAINER_OF(call, struct message_stream, call);
    pthread_mutex_lock(&s->mutex);
    s->is_accepted = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

static void on_message(struct rpc_client_stream *call, struct slice message) {
    struct message_stream *s = CONTAINER_OF(call, struct message_stream, call);
    pthread_mutex_lock(&s->mutex);
    s->message = message;
    s->has_message = true;
    s->is_accepted = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

static void on_done(struct rpc_client_stream *call) {
    struct message_stream *s = CONTAINER_OF(call, struct message_stream, call);
    pthread_mutex_lock(&s->mutex);
    s->is_done = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

struct message_stream *message_stream_open(struct connection *c, const char *path,
                                           struct slice request) {
    struct message_stream *s = mem_zalloc(sizeof(*s));
    arena_init(&s->arena);
    pthread_mutex_init(&s->mutex, NULL);
    condition_init(&s->changed);
    s->metadata[0] = (struct rpc_metadata){"x-request-id", c->request_id};
    s->metadata[1] = (struct rpc_metadata){"authorization", c->authorization};
    s->call = (struct rpc_client_stream){
        .method = rpc_channel_method(c->channel, path),
        .request = arena_copy(&s->arena, request),
        .metadata = s->metadata,
        .metadata_count = c->authorization.len > 0 ? 2 : 1,
        .is_read = true,
        .arena = &s->arena,
        .head = on_head,
        .message = on_message,
        .done = on_done,
    };
    rpc_client_stream_start(&s->call);
    rpc_client_stream_next(&s->call);
    return s;
}

bool message_stream_wait_answer(struct message_stream *s, int64_t until_us) {
    pthread_mutex_lock(&s->mutex);
    bool is_in_time = true;
    while (!s->is_accepted && !s->is_done && is_in_time) {
        is_in_time = condition_wait(&s->changed, &s->mutex, until_us);
    }
    bool is_answered = s->is_accepted || s->is_done;
    pthread_mutex_unlock(&s->mutex);
    return is_answered;
}

bool message_stream_is_accepted(struct message_stream *s) {
    pthread_mutex_lock(&s->mutex);
    bool is_accepted = s->is_accepted;
    pthread_mutex_unlock(&s->mutex);
    return is_accepted;
}

enum message_stream_result message_stream_next(struct message_stream *s, int64_t until_us,
                                               struct slice *ret_message,
                                               const struct error **ret_error) {
    if (s->is_taken) {
        s->is_taken = false;
        rpc_client_stream_next(&s->call);
    }
    enum message_stream_result result = MESSAGE_STREAM_NOT_YET;
    pthread_mutex_lock(&s->mutex);
    bool is_in_time = true;
    while (!s->has_message && !s->is_done && is_in_time) {
        is_in_time = condition_wait(&s->changed, &s->mutex, until_us);
    }
    if (s->has_message) {
        result = MESSAGE_STREAM_MESSAGE;
        *ret_message = s->message;
        s->has_message = false;
        s->is_taken = true;
    } else if (s->is_done) {
        result = MESSAGE_STREAM_END;
        *ret_error = s->call.error;
    }
    pthread_mutex_unlock(&s->mutex);
    return result;
}

void message_stream_close(struct message_stream *s) {
    rpc_client_stream_cancel(&s->call);
    pthread_mutex_lock(&s->mutex);
    while (!s->is_done) {
        condition_wait(&s->changed, &s->mutex, 0);
    }
    pthread_mutex_unlock(&s->mutex);
    rpc_client_stream_release(&s->call);
    pthread_mutex_destroy(&s->mutex);
    pthread_cond_destroy(&s->changed);
    arena_release(&s->arena);
    free(s);
}
