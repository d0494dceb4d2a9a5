#include "rpc/server_stream.h"

#include "base/core/check.h"
#include "base/core/container_of.h"
#include "rpc/server_call_internal.h"
#include "rpc/server_stream_internal.h"

struct rpc_server_stream_state {
    struct rpc_server_stream *stream;
    struct rpc_server_stream_state *next; // of the server's open streams
    struct rpc_server_stream_state *previous;
    struct rpc_batch close; // completes when the call is over, whatever the reason
    struct rpc_batch head;  // initial metadata without a message
    struct rpc_batch write;
    struct rpc_batch read;
    struct rpc_task write_task;
    struct rpc_task read_task;
    struct rpc_task finish_task;
    atomic_bool is_writing; // from rpc_server_stream_write to the write's completion
    atomic_bool is_reading;
    atomic_bool is_finished; // rpc_server_stream_finish was called
    struct rpc_message message;
    struct arena ending; // of the status: who finishes may be any thread, and the call's
                         // arena another one's

    pthread_mutex_t mutex; // guards the next two
    int holds;
    bool is_wake_posted;
    struct rpc_task wake_task;

    // Of the loop's thread.
    bool has_head;        // initial metadata was sent
    bool is_sending_head; // by itself
    bool finish_waits;    // for the outstanding write
    bool has_finished;    // the status was sent, or cannot be any more
    bool has_closed;      // close has completed
    struct arena errors;  // not the call's arena, which a handler's thread may be using
};

// --- the end ---

static bool is_anonymous(const struct rpc_server_stream_state *state) {
    return state->stream->call->acceptor->method->is_anonymous;
}

static void unlink_stream(struct rpc_server_stream_state *state, struct rpc_server *server) {
    if (state->previous != NULL) {
        state->previous->next = state->next;
    } else {
        server->streams = state->next;
    }
    if (state->next != NULL) {
        state->next->previous = state->previous;
    }
    server->stream_count -= !is_anonymous(state);
}

static bool is_held(struct rpc_server_stream_state *state) {
    pthread_mutex_lock(&state->mutex);
    bool is = state->holds > 0 || state->is_wake_posted;
    pthread_mutex_unlock(&state->mutex);
    return is;
}

// The stream is gone afterwards if nothing is outstanding.
static void end_if_over(struct rpc_server_stream_state *state) {
    if (!state->has_finished || !state->has_closed || state->is_sending_head ||
        atomic_load(&state->is_reading) || is_held(state)) {
        return;
    }
    struct rpc_server_stream *stream = state->stream;
    struct rpc_server_call *call = stream->call;
    unlink_stream(state, call->server);
    rpc_message_release(&state->message);
    rpc_batch_destroy(&state->close);
    rpc_batch_destroy(&state->head);
    rpc_batch_destroy(&state->write);
    rpc_batch_destroy(&state->read);
    arena_release(&state->errors);
    arena_release(&state->ending);
    pthread_mutex_destroy(&state->mutex);
    if (stream->closed != NULL) {
        stream->closed(stream);
    }
    rpc_server_call_ended(call);
}

static void finish_done(struct rpc_tag *tag, bool ok) {
    (void)ok; // not ok is a client that has gone
    struct rpc_server_call *call = CONTAINER_OF(tag, struct rpc_server_call, answer.tag);
    call->stream->has_finished = true;
    end_if_over(call->stream);
}

static void finish(struct rpc_server_stream_state *state) {
    if (atomic_load(&state->is_writing)) {
        state->finish_waits = true;
        return;
    }
    state->finish_waits = false;
    struct rpc_server_call *call = state->stream->call;
    if (!state->has_head) {
        rpc_batch_send_metadata(&call->answer, NULL, 0);
    }
    // Operations that no input has a part in.
    CHECK(rpc_batch_start(&call->answer, call->core) == GRPC_CALL_OK);
}

static void run_finish(struct rpc_task *task) {
    finish(CONTAINER_OF(task, struct rpc_server_stream_state, finish_task));
}

// On the loop's thread at once, else posted.
static void on_loop(struct rpc_server_stream_state *state, struct rpc_task *task) {
    struct rpc_loop *loop = state->stream->call->server->loop;
    if (rpc_loop_is_current(loop)) {
        task->run(task);
    } else {
        rpc_loop_post(loop, task);
    }
}

void rpc_server_stream_finish(struct rpc_server_stream *stream, const struct error *error) {
    struct rpc_server_stream_state *state = stream->state;
    if (atomic_exchange(&state->is_finished, true)) {
        return; // another thread's crossed this one, which came from an event
    }
    stream->call->answer.tag.done = finish_done;
    struct rpc_server_call *call = stream->call;
    rpc_server_call_add_status(call->server, &call->answer, &state->ending, call->trailers, error);
    on_loop(state, &state->finish_task);
}

const struct error *rpc_server_stream_stopping_error(struct rpc_server_stream *stream) {
    struct error *e = error_new(&stream->state->errors, STATUS_UNAVAILABLE, REASON_SERVER_STOPPING,
                                "the server is stopping; open the stream again");
    e->retry_after_ms = RPC_RETRY_WHEN_STOPPING_MS;
    return e;
}

static void close_done(struct rpc_tag *tag, bool ok) {
    (void)ok;
    struct rpc_server_stream_state *state =
        CONTAINER_OF(tag, struct rpc_server_stream_state, close.tag);
    state->has_closed = true;
    if (state->close.cancelled != 0 && !atomic_load(&state->is_finished)) {
        state->stream->cancelled(state->stream);
    }
    end_if_over(state);
}

// --- initial metadata ---

static void head_done(struct rpc_tag *tag, bool ok) {
    (void)ok; // not ok is a client that has gone
    struct rpc_server_stream_state *state =
        CONTAINER_OF(tag, struct rpc_server_stream_state, head.tag);
    state->is_sending_head = false;
    end_if_over(state);
}

void rpc_server_stream_send_head(struct rpc_server_stream *stream) {
    struct rpc_server_stream_state *state = stream->state;
    // A finish that has not run yet sends it with the status.
    if (state->has_head || atomic_load(&state->is_finished)) {
        return;
    }
    state->has_head = true;
    state->is_sending_head = true;
    rpc_batch_send_metadata(&state->head, NULL, 0);
    // As in finish: no input has a part in it.
    CHECK(rpc_batch_start(&state->head, stream->call->core) == GRPC_CALL_OK);
}

// --- writing ---

static void write_done(struct rpc_tag *tag, bool ok) {
    struct rpc_server_stream_state *state =
        CONTAINER_OF(tag, struct rpc_server_stream_state, write.tag);
    rpc_batch_clear(&state->write);
    atomic_store(&state->is_writing, false);
    if (state->finish_waits) {
        finish(state);
    } else if (!atomic_load(&state->is_finished)) {
        state->stream->written(state->stream, ok);
    }
}

static void run_write(struct rpc_task *task) {
    struct rpc_server_stream_state *state =
        CONTAINER_OF(task, struct rpc_server_stream_state, write_task);
    if (!state->has_head) {
        state->has_head = true;
        rpc_batch_send_metadata(&state->write, NULL, 0);
    }
    // As in finish: no input has a part in it.
    CHECK(rpc_batch_start(&state->write, state->stream->call->core) == GRPC_CALL_OK);
}

void rpc_server_stream_write(struct rpc_server_stream *stream, const struct slice *parts,
                             size_t count) {
    struct rpc_server_stream_state *state = stream->state;
    bool was_writing = atomic_exchange(&state->is_writing, true);
    CHECK(!was_writing);
    rpc_batch_send_message(&state->write, parts, count);
    on_loop(state, &state->write_task);
}

// --- reading ---

static const struct error *take_message(struct rpc_server_stream_state *state) {
    struct rpc_server_call *call = state->stream->call;
    grpc_byte_buffer *buffer = state->read.message;
    state->read.message = NULL;
    return rpc_server_call_take_message(call, &state->errors, buffer, &state->message);
}

static void read_done(struct rpc_tag *tag, bool ok) {
    (void)ok; // then there is no message
    struct rpc_server_stream_state *state =
        CONTAINER_OF(tag, struct rpc_server_stream_state, read.tag);
    struct rpc_server_stream *stream = state->stream;
    bool has_message = state->read.message != NULL;
    const struct error *error = has_message ? take_message(state) : NULL;
    rpc_batch_clear(&state->read);
    atomic_store(&state->is_reading, false);
    if (!atomic_load(&state->is_finished)) {
        stream->message(stream, has_message && error == NULL ? &state->message.bytes : NULL, error);
        // Not touched any more: if that finished the stream, its end comes by events.
        return;
    }
    end_if_over(state);
}

static void run_read(struct rpc_task *task) {
    struct rpc_server_stream_state *state =
        CONTAINER_OF(task, struct rpc_server_stream_state, read_task);
    rpc_batch_receive_message(&state->read);
    // As in finish: no input has a part in it.
    CHECK(rpc_batch_start(&state->read, state->stream->call->core) == GRPC_CALL_OK);
}

void rpc_server_stream_read(struct rpc_server_stream *stream) {
    struct rpc_server_stream_state *state = stream->state;
    CHECK(stream->call->acceptor->method->kind == RPC_BIDI_STREAM);
    bool was_reading = atomic_exchange(&state->is_reading, true);
    CHECK(!was_reading);
    rpc_message_release(&state->message);
    on_loop(state, &state->read_task);
}

// --- other threads ---

static void run_wake(struct rpc_task *task) {
    struct rpc_server_stream_state *state =
        CONTAINER_OF(task, struct rpc_server_stream_state, wake_task);
    pthread_mutex_lock(&state->mutex);
    state->is_wake_posted = false;
    pthread_mutex_unlock(&state->mutex);
    if (!atomic_load(&state->is_finished)) {
        state->stream->woken(state->stream);
        return; // as in read_done
    }
    end_if_over(state);
}

// The mutex is held.
static void post_wake(struct rpc_server_stream_state *state) {
    if (!state->is_wake_posted) {
        state->is_wake_posted = true;
        rpc_loop_post(state->stream->call->server->loop, &state->wake_task);
    }
}

void rpc_server_stream_wake(struct rpc_server_stream *stream) {
    struct rpc_server_stream_state *state = stream->state;
    pthread_mutex_lock(&state->mutex);
    post_wake(state);
    pthread_mutex_unlock(&state->mutex);
}

void rpc_server_stream_hold(struct rpc_server_stream *stream) {
    struct rpc_server_stream_state *state = stream->state;
    pthread_mutex_lock(&state->mutex);
    state->holds++;
    pthread_mutex_unlock(&state->mutex);
}

void rpc_server_stream_release(struct rpc_server_stream *stream) {
    struct rpc_server_stream_state *state = stream->state;
    pthread_mutex_lock(&state->mutex);
    CHECK(state->holds > 0);
    state->holds--;
    post_wake(state);
    pthread_mutex_unlock(&state->mutex); // the loop's thread takes it before the stream ends
}

// --- the beginning ---

void rpc_server_stream_begin(struct rpc_server_stream *stream) {
    struct rpc_server_call *call = stream->call;
    struct rpc_server *server = call->server;
    CHECK(rpc_loop_is_current(server->loop));
    CHECK(call->acceptor->method->kind != RPC_UNARY);
    struct rpc_server_stream_state *state = arena_zalloc(&call->arena, sizeof(*state));
    state->stream = stream;
    stream->state = state;
    call->stream = state;
    arena_init(&state->errors);
    arena_init(&state->ending);
    pthread_mutex_init(&state->mutex, NULL);
    state->wake_task.run = run_wake;
    state->write_task.run = run_write;
    state->read_task.run = run_read;
    state->finish_task.run = run_finish;
    state->next = server->streams;
    if (state->next != NULL) {
        state->next->previous = state;
    }
    server->streams = state;
    server->stream_count += !is_anonymous(state);
    rpc_batch_init(&state->write, server->loop, write_done);
    rpc_batch_init(&state->read, server->loop, read_done);
    rpc_batch_init(&state->head, server->loop, head_done);
    rpc_batch_init(&state->close, server->loop, close_done);
    rpc_batch_receive_close(&state->close);
    CHECK(rpc_batch_start(&state->close, call->core) == GRPC_CALL_OK); // as in finish
}

void rpc_server_stream_stop_all(struct rpc_server *server) {
    struct rpc_server_stream_state *state = server->streams;
    while (state != NULL) {
        struct rpc_server_stream_state *next = state->next;
        if (!atomic_load(&state->is_finished)) {
            state->stream->stopping(state->stream);
        }
        state = next;
    }
}
