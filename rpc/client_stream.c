#include "rpc/client_stream.h"

#include <stdlib.h>

#include "base/container_of.h"
#include "rpc/channel.h"
#include "rpc/client_core.h"

// Three batches that complete in any order: the request with the status, the initial
// metadata, and one a message. What follows makes one order of them.

enum phase {
    IDLE,  // nobody waits for a message
    ASKED, // a message was asked for; who set this owns the asking
    ENDED, // done was called, or is about to be
};

struct rpc_client_stream_state {
    struct rpc_client_core core;
    struct rpc_client_stream *stream;
    struct rpc_batch whole; // the request, and the status
    struct rpc_batch head;  // the initial metadata
    struct rpc_batch read;  // one message
    struct rpc_task start_task;
    struct rpc_task ask_task;
    atomic_int phase;
    atomic_bool has_trailers; // the trailing metadata is not written to any more
    struct rpc_message message;
    struct arena errors; // not the caller's arena: it may be in use when an error comes

    // Of the loop's thread.
    bool is_started;
    bool is_wanted;                   // a message was asked for before the start
    bool has_failed;                  // could not be started: no batch will complete
    bool has_head;                    // head has completed
    bool has_status;                  // whole has completed
    bool is_at_end;                   // a read found no message more
    bool read_waits;                  // read completed before head did
    const struct error *error;        // of the status
    const struct error *broken_error; // ours, of a message; comes before the status's
};

// --- the end ---

// Calls done if everything that could come has come; the stream may be gone then.
static void end_if_over(struct rpc_client_stream_state *state) {
    struct rpc_client_stream *stream = state->stream;
    if (!state->has_status || !state->has_head) {
        return;
    }
    const struct error *error = state->broken_error != NULL ? state->broken_error : state->error;
    if (error == NULL && !state->is_at_end) {
        // There may be messages that nobody asked for yet.
        if (!atomic_load(&state->core.cancelled)) {
            return;
        }
        error = error_new(&state->errors, STATUS_CANCELLED, NULL,
                          "the stream was cancelled before its last message was read");
    }
    int idle = IDLE;
    if (!atomic_compare_exchange_strong(&state->phase, &idle, ENDED)) {
        return; // what was asked for comes, and then this again
    }
    stream->error = error;
    stream->done(stream);
}

static void whole_done(struct rpc_tag *tag, bool ok) {
    (void)ok; // a batch that receives the status is always ok
    struct rpc_client_stream_state *state =
        CONTAINER_OF(tag, struct rpc_client_stream_state, whole.tag);
    struct rpc_client_stream *stream = state->stream;
    state->has_status = true;
    atomic_store(&state->has_trailers, true);
    stream->status_details = rpc_client_received_details(&state->whole);
    state->error = rpc_client_received_error(&state->core, &state->errors, &state->whole);
    end_if_over(state);
}

// --- messages ---

// Hands out what read has received. The stream may be gone afterwards.
static void hand_out(struct rpc_client_stream_state *state) {
    struct rpc_client_stream *stream = state->stream;
    bool has_message = false;
    if (state->read.message == NULL) {
        state->is_at_end = true;
    } else if (!atomic_load(&state->core.cancelled)) {
        state->broken_error =
            rpc_client_take_message(&state->errors, stream->method, &state->read, &state->message);
        has_message = state->broken_error == NULL;
        if (!has_message) {
            // Not rpc_client_core_cancel: nobody has asked for this.
            grpc_call_cancel(atomic_load(&state->core.call), NULL);
        }
    }
    rpc_batch_clear(&state->read);
    atomic_store(&state->phase, IDLE);
    if (has_message) {
        stream->message(stream, state->message.bytes);
    }
    end_if_over(state);
}

static void read_done(struct rpc_tag *tag, bool ok) {
    (void)ok; // then there is no message
    struct rpc_client_stream_state *state =
        CONTAINER_OF(tag, struct rpc_client_stream_state, read.tag);
    if (state->has_head) {
        hand_out(state);
    } else {
        state->read_waits = true;
    }
}

static void head_done(struct rpc_tag *tag, bool ok) {
    (void)ok; // then there is no metadata
    struct rpc_client_stream_state *state =
        CONTAINER_OF(tag, struct rpc_client_stream_state, head.tag);
    state->has_head = true;
    if (state->read_waits) {
        hand_out(state);
    } else {
        end_if_over(state);
    }
}

static void start_batch(struct rpc_client_stream_state *state, struct rpc_batch *batch) {
    if (rpc_batch_start(batch, atomic_load(&state->core.call)) != GRPC_CALL_OK) {
        abort(); // operations that no input has a part in
    }
}

// Asks gRPC for a message; the phase is ASKED.
static void ask(struct rpc_client_stream_state *state) {
    if (!state->is_started) {
        state->is_wanted = true;
        return;
    }
    if (state->has_failed) {
        atomic_store(&state->phase, IDLE);
        end_if_over(state);
        return;
    }
    rpc_batch_receive_message(&state->read);
    start_batch(state, &state->read);
}

static void run_ask(struct rpc_task *task) {
    ask(CONTAINER_OF(task, struct rpc_client_stream_state, ask_task));
}

// From IDLE to ASKED; in the other phases there is nothing to do.
static bool claim(struct rpc_client_stream_state *state) {
    int idle = IDLE;
    return atomic_compare_exchange_strong(&state->phase, &idle, ASKED);
}

static void ask_on_loop(struct rpc_client_stream_state *state) {
    struct rpc_loop *loop = state->stream->method->channel->loop;
    if (rpc_loop_is_current(loop)) {
        ask(state);
    } else {
        rpc_loop_post(loop, &state->ask_task);
    }
}

void rpc_client_stream_next(struct rpc_client_stream *stream) {
    struct rpc_client_stream_state *state = stream->state;
    if (claim(state)) {
        rpc_message_release(&state->message);
        ask_on_loop(state);
    }
}

void rpc_client_stream_cancel(struct rpc_client_stream *stream) {
    struct rpc_client_stream_state *state = stream->state;
    rpc_client_core_cancel(&state->core);
    // If the status has come already, gRPC has nothing to report any more: a read,
    // whose result is dropped, brings us to the loop's thread.
    if (claim(state)) {
        ask_on_loop(state);
    }
}

// --- the start ---

static void run_start(struct rpc_task *task) {
    struct rpc_client_stream_state *state =
        CONTAINER_OF(task, struct rpc_client_stream_state, start_task);
    struct rpc_client_stream *stream = state->stream;
    state->error =
        rpc_client_core_open(&state->core, &state->errors, stream->method, stream->deadline_us);
    if (state->error == NULL) {
        state->error = rpc_client_core_start(&state->core, &state->errors, &state->whole);
    }
    state->is_started = true;
    if (state->error == NULL) {
        start_batch(state, &state->head);
    } else {
        state->has_failed = true;
        state->has_head = true;
        state->has_status = true;
    }
    if (state->is_wanted) {
        ask(state);
    } else if (state->has_failed) {
        end_if_over(state);
    }
}

void rpc_client_stream_start(struct rpc_client_stream *stream) {
    struct rpc_client_stream_state *state = arena_zalloc(stream->arena, sizeof(*state));
    state->stream = stream;
    state->start_task.run = run_start;
    state->ask_task.run = run_ask;
    arena_init(&state->errors);
    stream->state = state;
    stream->error = NULL;
    stream->status_details = SLICE_EMPTY;
    rpc_batch_init(&state->whole, whole_done);
    rpc_batch_init(&state->head, head_done);
    rpc_batch_init(&state->read, read_done);
    rpc_client_send_request(&state->whole, stream->arena, stream->metadata, stream->metadata_count,
                            stream->request);
    rpc_batch_receive_status(&state->whole);
    rpc_batch_receive_metadata(&state->head);
    rpc_loop_post(stream->method->channel->loop, &state->start_task);
}

void rpc_client_stream_release(struct rpc_client_stream *stream) {
    struct rpc_client_stream_state *state = stream->state;
    rpc_message_release(&state->message);
    rpc_batch_destroy(&state->whole);
    rpc_batch_destroy(&state->head);
    rpc_batch_destroy(&state->read);
    rpc_client_core_release(&state->core);
    arena_release(&state->errors);
    stream->state = NULL;
    stream->error = NULL;
    stream->status_details = SLICE_EMPTY;
}

// --- metadata ---

bool rpc_client_stream_metadata(const struct rpc_client_stream *stream, const char *key,
                                struct slice *ret_value) {
    const struct rpc_client_stream_state *state = stream->state;
    return rpc_metadata_find(&state->head.initial_metadata, key, ret_value) ||
           (atomic_load(&state->has_trailers) &&
            rpc_metadata_find(&state->whole.trailing_metadata, key, ret_value));
}

void rpc_client_stream_each_metadata(const struct rpc_client_stream *stream,
                                     rpc_metadata_visitor *each, void *context) {
    const struct rpc_client_stream_state *state = stream->state;
    rpc_metadata_each(&state->head.initial_metadata, each, context);
    if (atomic_load(&state->has_trailers)) {
        rpc_metadata_each(&state->whole.trailing_metadata, each, context);
    }
}
