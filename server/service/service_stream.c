#include "server/service/service_stream.h"

#include <stdatomic.h>

#include "base/core/check.h"
#include "base/core/container_of.h"
#include "rpc/server_stream.h"

struct service_stream_state {
    struct service_stream *stream;
    const struct service_stream_kind *kind;
    struct rpc_server_stream rpc;
    atomic_int at; // enum state

    struct service_stream_group *group; // NULL: none
    struct service_stream_state *next;  // of the group, which guards this and link
    struct service_stream_state **link; // what points to this there
};

// --- the states ---

enum state {
    CALL,    // not begun
    READY,   // takes a message
    SENDING, // a message has not gone out yet
    ENDED,   // somebody has ended it
    STATES,
};

enum event { BEGIN, SEND, SENT, FINISH, EVENTS };

enum { NO = -1 }; // the event has no place there

// What a state becomes by an event. Only ENDED has no way out, so of two threads that finish a
// stream at once one finds it there.
static const int next_states[STATES][EVENTS] = {
    [CALL] = {[BEGIN] = READY, [SEND] = NO, [SENT] = NO, [FINISH] = NO},
    [READY] = {[BEGIN] = NO, [SEND] = SENDING, [SENT] = NO, [FINISH] = ENDED},
    [SENDING] = {[BEGIN] = NO, [SEND] = NO, [SENT] = READY, [FINISH] = ENDED},
    [ENDED] = {[BEGIN] = NO, [SEND] = NO, [SENT] = NO, [FINISH] = NO},
};

// Takes the event's step; returns whether there is one. Thread safe.
static bool step(struct service_stream_state *state, enum event event) {
    int at = atomic_load(&state->at);
    for (;;) {
        int next = next_states[at][event];
        if (next == NO) {
            return false;
        }
        if (atomic_compare_exchange_weak(&state->at, &at, next)) {
            return true;
        }
    }
}

// --- groups ---

void service_stream_group_init(struct service_stream_group *group) {
    pthread_mutex_init(&group->mutex, NULL);
    group->first = NULL;
}

void service_stream_group_destroy(struct service_stream_group *group) {
    CHECK(group->first == NULL);
    pthread_mutex_destroy(&group->mutex);
}

static void join(struct service_stream_state *state, struct service_stream_group *group) {
    state->group = group;
    pthread_mutex_lock(&group->mutex);
    state->next = group->first;
    state->link = &group->first;
    if (state->next != NULL) {
        state->next->link = &state->next;
    }
    group->first = state;
    pthread_mutex_unlock(&group->mutex);
}

static void leave(struct service_stream_state *state) {
    struct service_stream_group *group = state->group;
    pthread_mutex_lock(&group->mutex);
    *state->link = state->next;
    if (state->next != NULL) {
        state->next->link = state->link;
    }
    pthread_mutex_unlock(&group->mutex);
}

void service_stream_group_wake(struct service_stream_group *group) {
    // Who ends a stream leaves the group first, so none of these is finished meanwhile.
    pthread_mutex_lock(&group->mutex);
    for (struct service_stream_state *state = group->first; state != NULL; state = state->next) {
        rpc_server_stream_wake(&state->rpc);
    }
    pthread_mutex_unlock(&group->mutex);
}

// --- what the method does ---

void service_stream_send_head(struct service_stream *stream) {
    rpc_server_stream_send_head(&stream->state->rpc);
}

bool service_stream_send(struct service_stream *stream, const struct slice *parts, size_t count) {
    if (!step(stream->state, SEND)) {
        return false;
    }
    call_limit_charge(&stream->call.limit, parts, count);
    rpc_server_stream_write(&stream->state->rpc, parts, count);
    return true;
}

void service_stream_read(struct service_stream *stream) {
    rpc_server_stream_read(&stream->state->rpc);
}

bool service_stream_finish(struct service_stream *stream, const struct error *error) {
    struct service_stream_state *state = stream->state;
    if (!step(state, FINISH)) {
        return false;
    }
    if (state->group != NULL) {
        leave(state);
    }
    service_call_log(&stream->call, error);
    rpc_server_stream_finish(&state->rpc, error);
    return true;
}

void service_stream_hold(struct service_stream *stream) {
    rpc_server_stream_hold(&stream->state->rpc);
}

void service_stream_release(struct service_stream *stream) {
    rpc_server_stream_release(&stream->state->rpc);
}

// --- events ---

static struct service_stream_state *state_of(struct rpc_server_stream *rpc) {
    return CONTAINER_OF(rpc, struct service_stream_state, rpc);
}

static void written(struct rpc_server_stream *rpc, bool ok) {
    (void)ok; // if not, cancelled comes
    struct service_stream_state *state = state_of(rpc);
    if (step(state, SENT)) {
        state->kind->more(state->stream);
    }
}

static void woken(struct rpc_server_stream *rpc) {
    struct service_stream_state *state = state_of(rpc);
    if (atomic_load(&state->at) == READY) {
        state->kind->more(state->stream);
    }
}

static void message_came(struct rpc_server_stream *rpc, const struct slice *message,
                         const struct error *error) {
    struct service_stream_state *state = state_of(rpc);
    state->kind->message(state->stream, message, error);
}

static void cancelled(struct rpc_server_stream *rpc) {
    // Not made in the call's arena, which another thread may be using.
    const struct error gone = {
        .code = STATUS_CANCELLED,
        .message = "the client cancelled the call or has gone",
        .reason_id = REASON_REQUEST_CANCELLED,
        .reason = reason_name(REASON_REQUEST_CANCELLED),
    };
    service_stream_finish(state_of(rpc)->stream, &gone);
}

static void stopping(struct rpc_server_stream *rpc) {
    struct service_stream_state *state = state_of(rpc);
    if (state->kind->stopping != NULL) {
        state->kind->stopping(state->stream);
    }
    service_stream_finish(state->stream, rpc_server_stream_stopping_error(rpc));
}

static void closed(struct rpc_server_stream *rpc) {
    struct service_stream_state *state = state_of(rpc);
    call_limit_leave(&state->stream->call.limit, NULL, 0);
    if (state->kind->closed != NULL) {
        state->kind->closed(state->stream);
    }
}

// --- the beginning ---

struct service_stream *service_stream_open(const struct service *service,
                                           struct rpc_server_call *rpc,
                                           const struct service_stream_kind *kind) {
    struct service_call *call = kind->is_open
                                    ? service_call_begin_open(service, rpc, kind->bytes)
                                    : service_call_begin(service, rpc, kind->scope, kind->bytes);
    if (call == NULL) {
        return NULL;
    }
    struct service_stream *stream = CONTAINER_OF(call, struct service_stream, call);
    struct service_stream_state *state = ARENA_NEW(call->arena, struct service_stream_state);
    state->stream = stream;
    state->kind = kind;
    atomic_init(&state->at, CALL);
    state->rpc = (struct rpc_server_stream){
        .call = rpc,
        .message = message_came,
        .written = written,
        .cancelled = cancelled,
        .stopping = stopping,
        .woken = woken,
        .closed = closed,
    };
    stream->state = state;
    return stream;
}

void service_stream_begin(struct service_stream *stream, struct service_stream_group *group) {
    struct service_stream_state *state = stream->state;
    rpc_server_stream_begin(&state->rpc);
    CHECK(step(state, BEGIN));
    if (group != NULL) {
        join(state, group);
    }
    state->kind->more(stream);
    // Nothing can have freed the stream: its end comes by an event.
    if (!state->kind->holds_head) {
        rpc_server_stream_send_head(&state->rpc);
    }
}
