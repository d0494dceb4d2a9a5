#include "base/core/container_of.h"
#include "rpc/client_core_internal.h"
#include "rpc/client_direct_internal.h"
#include "rpc/client_direct_stream_internal.h"
#include "rpc/client_error_internal.h"
#include "rpc/loop_internal.h"
#include "rpc/server_direct_internal.h"
#include "rpc/server_intake_internal.h"
#include "rpc/status_details.h"

// All that happens, on either side and on any thread, asks for a turn, a task of the loop. A turn
// looks at what there is and calls one event at most: so no event is called from within a function,
// and none of the caller's tasks is left when done is called.

// Bits of rounds.
enum {
    ASKED = 1,  // for a message; cleared when one is handed out
    POSTED = 2, // a turn is
    ENDED = 4,  // done was called, or is about to be: there are no more turns
};

static struct client_direct_stream *of(struct rpc_direct *direct) {
    return CONTAINER_OF(direct, struct client_direct_stream, direct);
}

// Has a turn come, and the bits seen by it. Thread safe.
static void ask_for_turn(struct client_direct_stream *d, unsigned bits) {
    unsigned before = atomic_fetch_or(&d->rounds, bits | POSTED);
    if ((before & (POSTED | ENDED)) == 0) {
        rpc_loop_post(d->method->channel->loop, &d->turn);
    }
}

// --- what the server does, and the deadline ---

static void over(struct client_direct_stream *d, const struct error *error) {
    d->is_over = true;
    d->error = error;
    rpc_timeouts_remove(&d->timeout);
    ask_for_turn(d, 0);
}

// Keeps the initial metadata, the first time that there is any.
static void keep_metadata(struct client_direct_stream *d) {
    int count = d->direct.head_metadata_count;
    if (count == 0 || d->metadata != NULL) {
        return;
    }
    d->metadata = ARENA_ARRAY(&d->errors, struct rpc_metadata, count);
    d->metadata_count = count;
    client_direct_copy_metadata(&d->errors, d->direct.head_metadata, count, d->metadata);
}

static void head_came(struct rpc_direct *direct) {
    keep_metadata(of(direct));
    of(direct)->has_head = true;
    ask_for_turn(of(direct), 0);
}

static void message_came(struct rpc_direct *direct, struct rpc_message *message) {
    struct client_direct_stream *d = of(direct);
    keep_metadata(d);
    d->news = *message;
    d->has_news = true;
    ask_for_turn(d, 0);
}

static void answered(struct rpc_direct *direct, struct rpc_message *reply, struct slice details) {
    struct client_direct_stream *d = of(direct);
    rpc_message_release(reply); // a stream has none
    keep_metadata(d);
    const struct error *error = NULL;
    if (details.len > 0) {
        d->status_details = arena_copy(&d->errors, details);
        error = status_details_decode(&d->errors, status_details_code(d->status_details),
                                      SLICE_EMPTY, d->status_details);
    }
    over(d, error);
}

static void expire(struct rpc_timeout *timeout) {
    struct client_direct_stream *d = CONTAINER_OF(timeout, struct client_direct_stream, timeout);
    rpc_server_direct_leave(&d->direct);
    // The detail is what gRPC core says of other streams.
    over(d, client_error_made_up(&d->errors, STATUS_DEADLINE_EXCEEDED,
                                 slice_of_cstr("Deadline Exceeded"), 0, d->is_read, false));
}

// --- turns ---

static void start(struct client_direct_stream *d) {
    d->is_started = true;
    const struct error *error =
        rpc_client_core_check(&d->errors, d->direct.deadline_us, &d->is_cancelled);
    if (error == NULL) {
        error = client_direct_check_metadata(&d->errors, &d->direct);
    }
    if (error != NULL) {
        over(d, error);
        return;
    }
    d->is_begun = true;
    struct rpc_client_method *method = d->method;
    if (d->direct.deadline_us != 0) {
        rpc_timeouts_add(&method->channel->loop->timeouts, &d->timeout);
    }
    rpc_server_intake_take_direct(method->channel->direct_server, method->direct, &d->direct);
}

// What a cancelled stream ends with: what it had ended with before, if nothing of it was lost.
static void cut(struct client_direct_stream *d) {
    if (!d->is_over) {
        rpc_server_direct_leave(&d->direct);
        over(d, client_error_made_up(&d->errors, STATUS_CANCELLED, slice_of_cstr("CANCELLED"), 0,
                                     d->is_read, true));
    } else if (d->has_news && d->error == NULL) {
        d->error = client_error_new(&d->errors, STATUS_CANCELLED, REASON_REQUEST_CANCELLED,
                                    "the stream was cancelled before its last message was read");
    }
    d->has_news = false;
}

// Calls done, unless one more turn was asked for meanwhile, which will.
static void end(struct client_direct_stream *d) {
    unsigned rounds = atomic_load(&d->rounds);
    do {
        if ((rounds & POSTED) != 0) {
            return;
        }
    } while (!atomic_compare_exchange_weak(&d->rounds, &rounds, rounds | ENDED));
    d->done(d);
}

static void hand_out(struct client_direct_stream *d) {
    d->has_news = false;
    d->told_head = true;
    rpc_message_release(&d->handed_out);
    d->handed_out = d->news;
    d->news = (struct rpc_message){0};
    if (d->handed_out.bytes.len > d->method->channel->max_reply_bytes) {
        rpc_server_direct_leave(&d->direct);
        over(d, rpc_client_core_too_large(&d->errors, d->method));
        return;
    }
    atomic_fetch_and(&d->rounds, ~(unsigned)ASKED);
    d->message(d, d->handed_out.bytes);
    rpc_server_direct_taken(&d->direct);
}

static void run_turn(struct rpc_task *task) {
    struct client_direct_stream *d = CONTAINER_OF(task, struct client_direct_stream, turn);
    bool is_asked = (atomic_fetch_and(&d->rounds, ~(unsigned)POSTED) & ASKED) != 0;
    if (!d->is_started) {
        start(d);
    }
    if (atomic_load(&d->is_cancelled)) {
        cut(d);
        end(d);
    } else if (!is_asked) {
        return;
    } else if (d->has_news) {
        hand_out(d);
    } else if (d->is_over) {
        end(d);
    } else if (d->has_head && !d->told_head) {
        d->told_head = true;
        d->head(d);
    }
}

// --- what the caller does ---

bool client_direct_stream_serves(const struct rpc_client_method *method) {
    return method->direct != NULL && method->direct->method->kind == RPC_SERVER_STREAM;
}

void client_direct_stream_start(struct client_direct_stream *d) {
    d->direct.head = head_came;
    d->direct.message = message_came;
    d->direct.answered = answered;
    d->timeout.due_us = d->direct.deadline_us;
    d->timeout.expire = expire;
    d->turn.run = run_turn;
    arena_init(&d->errors);
    ask_for_turn(d, 0);
}

void client_direct_stream_next(struct client_direct_stream *d) {
    ask_for_turn(d, ASKED);
}

void client_direct_stream_cancel(struct client_direct_stream *d) {
    atomic_store(&d->is_cancelled, true);
    ask_for_turn(d, 0);
}

void client_direct_stream_release(struct client_direct_stream *d) {
    rpc_message_release(&d->handed_out);
    rpc_message_release(&d->news);
    arena_release(&d->errors);
}
