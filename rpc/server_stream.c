#include "rpc/server_stream.h"

#include "base/core/check.h"
#include "base/core/container_of.h"
#include "rpc/server_call_internal.h"
#include "rpc/server_direct_internal.h"
#include "rpc/server_room_internal.h"
#include "rpc/server_stream_internal.h"
#include "rpc/stream_ops_internal.h"

// What a stream that comes by gRPC core has besides.
struct core_stream {
    struct rpc_server_stream_state *state;
    struct rpc_stream_ops ops;
};

struct rpc_server_stream_state {
    struct rpc_server_stream *stream;
    struct rpc_server_stream_state *next; // of the server's open streams
    struct rpc_server_stream_state *previous;
    struct core_stream *core;   // NULL: a direct call (rpc/direct_internal.h), which uses:
    struct rpc_message written; // what was not sent yet
    struct rpc_task left_task;  // the client had left before the stream began
    bool is_untaken;            // a message was sent, which the client has not taken

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

// Whether the stream has one of the places that streams share.
static bool has_place(const struct rpc_server_stream_state *state) {
    const struct rpc_method *method = state->stream->call->acceptor->method;
    return !method->is_anonymous && !method->has_own_limit;
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
    server->stream_count -= has_place(state);
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
    if (state->core != NULL) {
        rpc_stream_ops_release(&state->core->ops);
    }
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

// The end of a direct call's stream, which comes by an event as that of all others.
static void run_finished(struct rpc_task *task) {
    struct rpc_server_stream_state *state =
        CONTAINER_OF(task, struct rpc_server_stream_state, finish_task);
    state->has_finished = true;
    state->has_closed = true;
    end_if_over(state);
}

static void finish(struct rpc_server_stream_state *state) {
    if (atomic_load(&state->is_writing)) {
        state->finish_waits = true;
        return;
    }
    state->finish_waits = false;
    struct rpc_server_call *call = state->stream->call;
    rpc_server_core_count_answer(call, call->answer_code, call->answer_reason);
    if (state->core == NULL) {
        rpc_server_direct_answer(call, call->direct_details);
        state->finish_task.run = run_finished;
        rpc_loop_post(call->server->loop, &state->finish_task);
        return;
    }
    if (!state->has_head && call->answer_code != STATUS_OK) {
        rpc_batch_send_metadata(&call->answer, NULL, 0);
        rpc_server_call_add_head_to_error(call, &state->ending);
    } else if (!state->has_head) {
        grpc_metadata *pairs = ARENA_ARRAY(&state->ending, grpc_metadata, RPC_MOST_HEAD_METADATA);
        rpc_batch_send_metadata(&call->answer, pairs, rpc_server_call_copy_head(call, pairs));
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
    struct rpc_server_call *call = stream->call;
    call->answer_code = error != NULL ? error->code : STATUS_OK;
    call->answer_reason = error != NULL ? error->reason_id : REASON_NONE;
    if (state->core != NULL) {
        call->answer.tag.done = finish_done;
        rpc_server_call_add_status(call->server, &call->answer, &state->ending, call->trailers,
                                   error);
    } else if (error != NULL) {
        call->direct_details = rpc_server_call_details(call->server, &state->ending, error);
    }
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
    const struct core_stream *core = CONTAINER_OF(tag, struct core_stream, ops.close);
    struct rpc_server_stream_state *state = core->state;
    state->has_closed = true;
    if (core->ops.cancelled != 0 && !atomic_load(&state->is_finished)) {
        state->stream->cancelled(state->stream);
    }
    end_if_over(state);
}

// --- initial metadata ---

static void head_done(struct rpc_tag *tag, bool ok) {
    (void)ok; // not ok is a client that has gone
    struct rpc_server_stream_state *state = CONTAINER_OF(tag, struct core_stream, ops.head)->state;
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
    if (state->core == NULL) {
        rpc_server_direct_send_head(stream->call);
        return;
    }
    state->is_sending_head = true;
    grpc_metadata pairs[RPC_MOST_HEAD_METADATA];
    struct rpc_stream_ops_head head = {pairs, rpc_server_call_copy_head(stream->call, pairs)};
    rpc_stream_ops_send_head(&state->core->ops, stream->call->core, &head);
    rpc_batch_unref_metadata(head.pairs, head.count);
}

// --- writing ---

static void write_over(struct rpc_server_stream_state *state, bool ok) {
    atomic_store(&state->is_writing, false);
    if (state->finish_waits) {
        finish(state);
    } else if (!atomic_load(&state->is_finished)) {
        state->stream->written(state->stream, ok);
    }
}

static void write_done(struct rpc_tag *tag, bool ok) {
    struct core_stream *core = CONTAINER_OF(tag, struct core_stream, ops.write);
    rpc_stream_ops_clear_message(&core->ops);
    write_over(core->state, ok);
}

static void run_write_failed(struct rpc_task *task) {
    write_over(CONTAINER_OF(task, struct rpc_server_stream_state, write_task), false);
}

static void write_directly(struct rpc_server_stream_state *state) {
    struct rpc_server_call *call = state->stream->call;
    struct rpc_message message = state->written;
    state->written = (struct rpc_message){0};
    state->has_head = true;
    state->is_untaken = rpc_server_direct_send_message(call, &message);
    if (!state->is_untaken) { // that it is in vain is an event, too
        state->write_task.run = run_write_failed;
        rpc_loop_post(call->server->loop, &state->write_task);
    }
}

static void run_write(struct rpc_task *task) {
    struct rpc_server_stream_state *state =
        CONTAINER_OF(task, struct rpc_server_stream_state, write_task);
    if (state->core == NULL) {
        write_directly(state);
        return;
    }
    struct rpc_server_call *call = state->stream->call;
    server_cork_writing(&call->server->cork);
    if (state->has_head) {
        rpc_stream_ops_send(&state->core->ops, call->core, NULL);
        return;
    }
    grpc_metadata pairs[RPC_MOST_HEAD_METADATA];
    struct rpc_stream_ops_head head = {pairs, rpc_server_call_copy_head(call, pairs)};
    rpc_stream_ops_send(&state->core->ops, call->core, &head);
    rpc_batch_unref_metadata(head.pairs, head.count);
    state->has_head = true;
}

void rpc_server_stream_write(struct rpc_server_stream *stream, const struct slice *parts,
                             size_t count) {
    struct rpc_server_stream_state *state = stream->state;
    bool was_writing = atomic_exchange(&state->is_writing, true);
    CHECK(!was_writing);
    if (state->core != NULL) {
        rpc_stream_ops_set_message(&state->core->ops, parts, count);
    } else {
        rpc_message_copy(parts, count, &state->written);
    }
    state->write_task.run = run_write;
    on_loop(state, &state->write_task);
}

// --- what the client of a direct call does ---

static void client_took(struct rpc_server_call *call) {
    call->stream->is_untaken = false;
    write_over(call->stream, true);
}

static void client_left(struct rpc_server_call *call) {
    struct rpc_server_stream_state *state = call->stream;
    bool is_untaken = state->is_untaken;
    state->is_untaken = false;
    if (!atomic_load(&state->is_finished)) {
        state->stream->cancelled(state->stream);
    }
    if (is_untaken) {
        write_over(state, false);
    }
}

static void run_left(struct rpc_task *task) {
    client_left(CONTAINER_OF(task, struct rpc_server_stream_state, left_task)->stream->call);
}

static void begin_directly(struct rpc_server_call *call) {
    static const struct rpc_direct_events events = {.taken = client_took, .left = client_left};
    call->direct_events = &events;
    if (call->direct == NULL) {
        call->stream->left_task.run = run_left;
        rpc_loop_post(call->server->loop, &call->stream->left_task);
    }
}

// --- reading ---

static const struct error *take_message(struct rpc_server_stream_state *state) {
    struct rpc_server_call *call = state->stream->call;
    grpc_byte_buffer *buffer = state->core->ops.message;
    state->core->ops.message = NULL;
    return rpc_server_call_take_message(call, &state->errors, buffer, &state->message);
}

static void read_done(struct rpc_tag *tag, bool ok) {
    (void)ok; // then there is no message
    struct core_stream *core = CONTAINER_OF(tag, struct core_stream, ops.read);
    struct rpc_server_stream_state *state = core->state;
    struct rpc_server_stream *stream = state->stream;
    bool has_message = core->ops.message != NULL;
    const struct error *error = has_message ? take_message(state) : NULL;
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
    rpc_stream_ops_receive(&state->core->ops, state->stream->call->core);
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

static void begin_by_core(struct rpc_server_stream_state *state, struct rpc_server_call *call) {
    static const struct rpc_stream_ops_events events = {
        .close = close_done, .head = head_done, .write = write_done, .read = read_done};
    state->core = ARENA_NEW(&call->arena, struct core_stream);
    state->core->state = state;
    rpc_stream_ops_init(&state->core->ops, call->server->loop, &events);
    rpc_stream_ops_await_close(&state->core->ops, call->core);
}

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
    state->read_task.run = run_read;
    state->finish_task.run = run_finish;
    state->next = server->streams;
    if (state->next != NULL) {
        state->next->previous = state;
    }
    server->streams = state;
    server->stream_count += has_place(state);
    if (call->acceptor->method->has_own_limit) {
        rpc_server_room_give_back(call); // others would wait for its end
    }
    if (call->is_direct) {
        begin_directly(call);
    } else {
        begin_by_core(state, call);
    }
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

void rpc_server_stream_part_direct(struct rpc_server *server) {
    struct rpc_server_stream_state *next;
    for (struct rpc_server_stream_state *state = server->streams; state != NULL; state = next) {
        next = state->next;
        if (state->core == NULL && state->stream->call->direct != NULL) {
            const struct error *error = rpc_server_stream_stopping_error(state->stream);
            rpc_server_direct_part(state->stream->call,
                                   rpc_server_call_details(server, &state->errors, error));
        }
    }
}
