#include "rpc/client_stream.h"

#include "base/core/check.h"
#include "base/core/container_of.h"
#include "rpc/client_core_internal.h"
#include "rpc/client_direct_internal.h"
#include "rpc/client_direct_stream_internal.h"
#include "rpc/client_error_internal.h"
#include "rpc/metadata_array_internal.h"

// Three batches, one after another: the request with the reply's initial metadata,
// then one a message, and when there is no message more, the status.
//
// The status is not asked for earlier: while it is asked for, gRPC core gives up
// messages that nobody has read yet (over HTTP/2 when the status is an error, in
// process always).

// That there is initial metadata is told HEAD_TURNS turns of the loop later, if there is
// nothing else to tell until then: what came with it, a message or a status, has its turn
// before. Over HTTP/2 a status alone looks like metadata, too, except to gRPC core.
enum { HEAD_TURNS = 3 };

// Of gRPC core (src/core/lib/surface/call.h), which exports it for gRPC C++ and installs no
// header of it: whether the reply is a status alone, once initial metadata was received.
bool rpc_call_is_trailers_only(const grpc_call *call) __asm__(
    "_Z26grpc_call_is_trailers_onlyPK9grpc_call");

enum phase {
    IDLE,  // no message was asked for
    ASKED, // a message was asked for, by a reader or to find the end
    ENDED, // done was called, or is about to be
};

struct rpc_client_stream_state {
    struct rpc_client_core core;
    struct rpc_client_stream *stream;
    struct rpc_batch head;
    struct rpc_batch read;
    struct rpc_batch status;
    struct rpc_task start_task;
    struct rpc_task ask_task;
    struct rpc_task head_task;
    atomic_int phase;         // whoever sets ASKED owns the asking
    atomic_bool has_trailers; // the trailing metadata is not written to any more
    struct rpc_message message;
    struct arena errors; // not the caller's arena: it may be in use when an error comes

    // Of the loop's thread.
    bool is_wanted;                // a message was asked for before head had completed
    bool has_head;                 // head has completed, or never will
    bool is_begun;                 // the server has sent metadata that is no status
    bool is_head_due;              // metadata came, and no message was asked for yet
    int head_turns;                // until the head event; 0: there is none any more
    bool is_head_posted;           // head_task is
    bool has_ended;                // done is due once head_task has run
    bool is_cut;                   // a message was dropped because of a cancel
    const struct error *own_error; // could not be started, or a message is broken
};

// --- the end ---

static void end(struct rpc_client_stream_state *state, const struct error *error) {
    struct rpc_client_stream *stream = state->stream;
    atomic_store(&state->phase, ENDED);
    stream->error = error;
    state->head_turns = 0;
    state->has_ended = true;
    rpc_client_core_over(&state->core);
    if (!state->is_head_posted) {
        stream->done(stream);
    }
}

// --- the head event ---

static void post_head(struct rpc_client_stream_state *state) {
    state->is_head_posted = true;
    rpc_loop_post(state->stream->method->channel->loop, &state->head_task);
}

static void run_head(struct rpc_task *task) {
    struct rpc_client_stream_state *state =
        CONTAINER_OF(task, struct rpc_client_stream_state, head_task);
    struct rpc_client_stream *stream = state->stream;
    state->is_head_posted = false;
    if (state->has_ended) {
        stream->done(stream);
    } else if (state->head_turns > 1) {
        state->head_turns--;
        post_head(state);
    } else if (state->head_turns == 1 && !atomic_load(&state->core.cancelled)) {
        state->head_turns = 0;
        stream->head(stream);
    }
}

static void status_done(struct rpc_tag *tag, bool ok) {
    (void)ok; // a batch that receives the status is always ok
    struct rpc_client_stream_state *state =
        CONTAINER_OF(tag, struct rpc_client_stream_state, status.tag);
    const struct error *error = state->own_error;
    if (error == NULL) {
        error = rpc_client_core_error(&state->core, &state->errors, &state->status);
    }
    if (!state->is_begun &&
        rpc_client_core_goes_on(&state->core, &state->errors, &state->status, error)) {
        return;
    }
    atomic_store(&state->has_trailers, true);
    state->stream->status_details = rpc_client_core_details(&state->status);
    if (error == NULL && state->is_cut) {
        error = client_error_new(&state->errors, STATUS_CANCELLED, REASON_REQUEST_CANCELLED,
                                 "the stream was cancelled before its last message was read");
    }
    end(state, error);
}

static void start_batch(struct rpc_client_stream_state *state, struct rpc_batch *batch) {
    // Operations that no input has a part in.
    CHECK(rpc_batch_start(batch, atomic_load(&state->core.call)) == GRPC_CALL_OK);
}

// --- messages ---

static void read_done(struct rpc_tag *tag, bool ok) {
    (void)ok; // then there is no message
    struct rpc_client_stream_state *state =
        CONTAINER_OF(tag, struct rpc_client_stream_state, read.tag);
    struct rpc_client_stream *stream = state->stream;
    state->head_turns = 0;
    if (state->read.message != NULL && !atomic_load(&state->core.cancelled)) {
        state->own_error = rpc_client_core_take_message(&state->errors, stream->method,
                                                        &state->read, &state->message);
        if (state->own_error == NULL) {
            atomic_store(&state->phase, IDLE);
            stream->message(stream, state->message.bytes);
            return;
        }
        // Not rpc_client_core_cancel: the caller did not ask for this.
        grpc_call_cancel(atomic_load(&state->core.call), NULL);
    }
    state->is_cut = state->read.message != NULL;
    rpc_batch_receive_status(&state->status);
    start_batch(state, &state->status);
}

// Asks gRPC for a message; the phase is ASKED.
static void ask(struct rpc_client_stream_state *state) {
    if (!state->has_head) {
        state->is_wanted = true;
    } else if (state->own_error != NULL) {
        if (!rpc_client_core_goes_on(&state->core, &state->errors, NULL, state->own_error)) {
            end(state, state->own_error);
        }
    } else {
        rpc_batch_clear(&state->read);
        rpc_batch_receive_message(&state->read);
        start_batch(state, &state->read);
        if (state->is_head_due) {
            state->is_head_due = false;
            state->head_turns = HEAD_TURNS;
            post_head(state);
        }
    }
}

static void run_ask(struct rpc_task *task) {
    ask(CONTAINER_OF(task, struct rpc_client_stream_state, ask_task));
}

// Has ask run on the loop's thread, and not from within if it would call done.
static void ask_on_loop(struct rpc_client_stream_state *state) {
    struct rpc_loop *loop = state->stream->method->channel->loop;
    if (rpc_loop_is_current(loop) && state->own_error == NULL) {
        ask(state);
    } else {
        rpc_loop_post(loop, &state->ask_task);
    }
}

// From IDLE to ASKED; in the other phases there is nothing to do.
static bool claim(struct rpc_client_stream_state *state) {
    int idle = IDLE;
    return atomic_compare_exchange_strong(&state->phase, &idle, ASKED);
}

void rpc_client_stream_next(struct rpc_client_stream *stream) {
    if (stream->direct != NULL) {
        client_direct_stream_next(stream->direct);
        return;
    }
    struct rpc_client_stream_state *state = stream->state;
    if (claim(state)) {
        rpc_message_release(&state->message);
        ask_on_loop(state);
    }
}

void rpc_client_stream_cancel(struct rpc_client_stream *stream) {
    if (stream->direct != NULL) {
        client_direct_stream_cancel(stream->direct);
        return;
    }
    struct rpc_client_stream_state *state = stream->state;
    rpc_client_core_cancel(&state->core);
    // The end is found by reading, whoever asks.
    if (claim(state)) {
        ask_on_loop(state);
    }
}

// --- the start ---

static void head_over(struct rpc_client_stream_state *state) {
    state->has_head = true;
    if (state->is_wanted) {
        ask(state);
    }
}

static void head_done(struct rpc_tag *tag, bool ok) {
    struct rpc_client_stream_state *state =
        CONTAINER_OF(tag, struct rpc_client_stream_state, head.tag);
    // If not ok, the next read ends the stream.
    state->is_begun = ok && !rpc_call_is_trailers_only(atomic_load(&state->core.call));
    state->is_head_due = state->is_begun && state->stream->head != NULL;
    head_over(state);
}

static void open_core(struct rpc_client_stream_state *state) {
    struct rpc_client_stream *stream = state->stream;
    state->own_error =
        rpc_client_core_open(&state->core, &state->errors, stream->method, stream->deadline_us);
    if (state->own_error == NULL) {
        state->own_error = rpc_client_core_start(&state->core, &state->errors, &state->head);
    }
    if (state->own_error != NULL) {
        head_over(state);
    }
}

static void run_start(struct rpc_task *task) {
    open_core(CONTAINER_OF(task, struct rpc_client_stream_state, start_task));
}

// a: not the caller's but for the first start.
static void prepare_batches(struct rpc_client_stream_state *state, struct arena *a) {
    const struct rpc_client_stream *stream = state->stream;
    struct rpc_loop *loop = stream->method->channel->loop;
    rpc_batch_init(&state->head, loop, head_done);
    rpc_batch_init(&state->read, loop, read_done);
    rpc_batch_init(&state->status, loop, status_done);
    rpc_client_core_send_request(&state->head, a, stream->metadata, stream->metadata_count,
                                 stream->request);
    rpc_batch_receive_metadata(&state->head);
}

static void destroy_batches(struct rpc_client_stream_state *state) {
    rpc_batch_destroy(&state->head);
    rpc_batch_destroy(&state->read);
    rpc_batch_destroy(&state->status);
}

// The end was asked for, so a message is.
static void start_again(struct balanced_call *balanced) {
    struct rpc_client_stream_state *state = balanced->context;
    destroy_batches(state);
    prepare_batches(state, &state->errors);
    state->has_head = false;
    state->is_wanted = true;
    open_core(state);
}

static void start_by_core(struct rpc_client_stream *stream) {
    struct rpc_client_stream_state *state = arena_zalloc(stream->arena, sizeof(*state));
    state->stream = stream;
    state->start_task.run = run_start;
    state->core.is_read = stream->is_read;
    state->ask_task.run = run_ask;
    state->head_task.run = run_head;
    arena_init(&state->errors);
    stream->state = state;
    state->core.balanced =
        rpc_client_core_balanced(stream->arena, stream->method, true, start_again, state);
    if (state->core.balanced != NULL) {
        state->core.balanced->wanted = stream->server;
    }
    prepare_batches(state, stream->arena);
    rpc_loop_post(stream->method->channel->loop, &state->start_task);
}

// --- directly ---

static void direct_head(struct client_direct_stream *d) {
    struct rpc_client_stream *stream = d->context;
    if (stream->head != NULL) {
        stream->head(stream);
    }
}

static void direct_message(struct client_direct_stream *d, struct slice message) {
    struct rpc_client_stream *stream = d->context;
    stream->message(stream, message);
}

static void direct_done(struct client_direct_stream *d) {
    struct rpc_client_stream *stream = d->context;
    stream->error = d->error;
    stream->status_details = d->status_details;
    stream->done(stream);
}

static void start_directly(struct rpc_client_stream *stream) {
    struct client_direct_stream *d = ARENA_NEW(stream->arena, struct client_direct_stream);
    d->direct.request = stream->request;
    d->direct.metadata = stream->metadata;
    d->direct.metadata_count = stream->metadata_count;
    d->direct.deadline_us = stream->deadline_us;
    d->method = stream->method;
    d->is_read = stream->is_read;
    d->context = stream;
    d->head = direct_head;
    d->message = direct_message;
    d->done = direct_done;
    stream->direct = d;
    client_direct_stream_start(d);
}

// --- by either ---

void rpc_client_stream_start(struct rpc_client_stream *stream) {
    stream->error = NULL;
    stream->status_details = SLICE_EMPTY;
    stream->state = NULL;
    stream->direct = NULL;
    if (client_direct_stream_serves(stream->method)) {
        start_directly(stream);
    } else {
        start_by_core(stream);
    }
}

static void release_core(struct rpc_client_stream_state *state) {
    rpc_message_release(&state->message);
    destroy_batches(state);
    rpc_client_core_release(&state->core);
    arena_release(&state->errors);
}

void rpc_client_stream_release(struct rpc_client_stream *stream) {
    if (stream->direct != NULL) {
        client_direct_stream_release(stream->direct);
    } else {
        release_core(stream->state);
    }
    stream->state = NULL;
    stream->direct = NULL;
    stream->error = NULL;
    stream->status_details = SLICE_EMPTY;
}

bool rpc_client_stream_is_unsent(const struct rpc_client_stream *stream) {
    return stream->direct != NULL ? !stream->direct->is_begun
                                  : rpc_client_core_is_unsent(&stream->state->core);
}

// --- metadata ---

static const char details_key[] = "grpc-status-details-bin";

bool rpc_client_stream_metadata(const struct rpc_client_stream *stream, const char *key,
                                struct slice *ret_value) {
    const struct rpc_client_stream_state *state = stream->state;
    if (state == NULL) {
        const struct client_direct_stream *d = stream->direct;
        if (client_direct_find_metadata(d->metadata, d->metadata_count, key, ret_value)) {
            return true;
        }
        bool is_there = stream->status_details.len > 0 && strcmp(key, details_key) == 0;
        if (is_there) {
            *ret_value = stream->status_details;
        }
        return is_there;
    }
    return rpc_metadata_array_find(&state->head.initial_metadata, key, ret_value) ||
           (atomic_load(&state->has_trailers) &&
            rpc_metadata_array_find(&state->status.trailing_metadata, key, ret_value));
}

void rpc_client_stream_each_metadata(const struct rpc_client_stream *stream,
                                     rpc_metadata_visitor *each, void *context) {
    const struct rpc_client_stream_state *state = stream->state;
    if (state == NULL) {
        const struct client_direct_stream *d = stream->direct;
        for (int i = 0; i < d->metadata_count; i++) {
            each(context, slice_of_cstr(d->metadata[i].key), d->metadata[i].value);
        }
        if (stream->status_details.len > 0) {
            each(context, slice_of_cstr(details_key), stream->status_details);
        }
        return;
    }
    rpc_metadata_array_each(&state->head.initial_metadata, each, context);
    if (atomic_load(&state->has_trailers)) {
        rpc_metadata_array_each(&state->status.trailing_metadata, each, context);
    }
}
