#include <stdio.h>

#include "base/core/clock.h"
#include "base/core/container_of.h"
#include "rpc/balancer_internal.h"
#include "rpc/health_answer.h"

// Whether a server serves. Its Watch tells at once what it says of itself; a Check, once a second,
// that it answers at all, and what it says if it has no Watch. A Watch that ends is begun again at
// once: only a second one that brings nothing means that the server cannot be reached, so that a
// connection that is replaced in order is none that was lost.

enum {
    CHECK_TURNS = 5, // so many turns are a second
    CHECK_TIMEOUT_MS = 3000,
};

static void start_watch(struct balancer_server *server);

// --- what it comes to ---

static enum server_state state_of(const struct balancer_server *server) {
    return !server->is_heard       ? SERVER_UNKNOWN
           : !server->is_reachable ? SERVER_UNREACHABLE
           : server->says_serving  ? SERVER_SERVING
                                   : SERVER_NOT_SERVING;
}

static const char *problem_of(enum server_state state, const struct error *why) {
    if (state == SERVER_UNREACHABLE) {
        return why != NULL && why->code == STATUS_DEADLINE_EXCEEDED ? "it does not answer"
                                                                    : "it cannot be reached";
    }
    return state == SERVER_SERVING ? "" : health_answer_reason(why);
}

// It has answered: with error, or NULL.
static void hear(struct balancer_server *server, const struct error *error, bool says_serving) {
    server->is_heard = true;
    server->is_stopping = error != NULL && error_reason_of(error) == REASON_SERVER_STOPPING;
    server->is_reachable = true;
    server->says_serving = says_serving;
}

// There was no answer.
static void miss(struct balancer_server *server) {
    server->is_heard = true;
    server->is_stopping = false;
    server->is_reachable = false;
}

// why: the error of what was heard last; NULL: there was none.
static void judge(struct balancer_server *server, const struct error *why) {
    struct balancer *b = server->balancer;
    enum server_state before = server->state;
    pthread_mutex_lock(&b->mutex);
    server->state = state_of(server);
    snprintf(server->problem, sizeof(server->problem), "%s", problem_of(server->state, why));
    pthread_mutex_unlock(&b->mutex);
    if (server->state == before || server->is_leaving || b->is_stopping) {
        return;
    }
    if (server->state == SERVER_SERVING) {
        LOG(b->log, LOG_INFO, "an upstream serves", log_text("upstream", server->address));
    } else if (before == SERVER_SERVING || before == SERVER_UNKNOWN) {
        LOG(b->log, LOG_WARN, "an upstream does not serve: it gets no calls while another one does",
            log_text("upstream", server->address), log_text("error", server->problem),
            log_text("detail", why != NULL ? why->detail : NULL));
    }
    b->changed(server);
}

// Whether an error is of this side: there was no answer.
static bool is_unanswered(const struct error *error) {
    return error != NULL && error->reason_id != REASON_NONE;
}

static void over(struct balancer_server *server) {
    if (server->is_leaving) {
        server->balancer->ended(server);
    }
}

static bool is_to_end(const struct balancer_server *server) {
    return server->is_leaving || server->balancer->is_stopping;
}

// --- Watch ---

static void on_watch_message(struct rpc_client_stream *stream, struct slice message) {
    struct balancer_server *server = CONTAINER_OF(stream, struct balancer_server, watch);
    server->has_watch_news = true;
    hear(server, NULL, health_answer_serves(NULL, message));
    judge(server, NULL);
    rpc_client_stream_next(stream);
}

static void on_watch_done(struct rpc_client_stream *stream) {
    struct balancer_server *server = CONTAINER_OF(stream, struct balancer_server, watch);
    const struct error *error = server->watch.error;
    bool was_serving = server->has_watch_news && server->says_serving;
    server->is_watching = false;
    server->has_watch_news = false;
    if (!is_to_end(server) && !was_serving) {
        bool has_none = error != NULL && health_answer_serves(error, SLICE_EMPTY);
        if (is_unanswered(error)) {
            miss(server);
        } else {
            hear(server, error, has_none);
        }
        server->has_watch = !has_none; // Check says the rest
        judge(server, error);
    }
    rpc_client_stream_release(&server->watch);
    arena_reset(&server->watch_arena);
    if (!is_to_end(server) && was_serving) {
        start_watch(server);
    }
    over(server);
}

static void start_watch(struct balancer_server *server) {
    server->is_watching = true;
    server->watch = (struct rpc_client_stream){
        .method = server->watch_method, // with an empty message: the service ""
        .is_read = true,
        .arena = &server->watch_arena,
        .message = on_watch_message,
        .done = on_watch_done,
    };
    rpc_client_stream_start(&server->watch);
    rpc_client_stream_next(&server->watch);
}

// --- Check ---

static void on_check_done(struct rpc_client_call *call) {
    struct balancer_server *server = CONTAINER_OF(call, struct balancer_server, check);
    const struct error *error = call->error;
    server->is_checking = false;
    if (!is_to_end(server)) {
        if (is_unanswered(error)) {
            miss(server);
            server->has_watch = true; // it may be another program that answers next
        } else {
            hear(server, error,
                 server->has_watch_news ? server->says_serving
                                        : health_answer_serves(error, call->response));
        }
        judge(server, error);
    }
    rpc_client_call_release(&server->check);
    arena_reset(&server->check_arena);
    over(server);
}

static void start_check(struct balancer_server *server) {
    server->is_checking = true;
    server->turns = CHECK_TURNS;
    server->check = (struct rpc_client_call){
        .method = server->check_method,
        .deadline_us = clock_monotonic_us() + (int64_t)CHECK_TIMEOUT_MS * 1000,
        .is_read = true,
        .arena = &server->check_arena,
        .done = on_check_done,
    };
    rpc_client_call_start(&server->check);
}

// --- a server's life ---

void server_health_turn(struct balancer_server *server) {
    if (is_to_end(server)) {
        return;
    }
    if (!server->is_watching && server->has_watch) {
        start_watch(server);
    }
    server->turns--;
    // One that cannot be reached is found by its Watch: it connects as soon.
    if (!server->is_checking && server->turns <= 0) {
        start_check(server);
    }
}

void server_health_init(struct balancer_server *server) {
    server->state = SERVER_UNKNOWN;
    server->has_watch = true;
    server->turns = CHECK_TURNS;
    server->watch_method = rpc_channel_method(server->channel, "/grpc.health.v1.Health/Watch");
    server->check_method = rpc_channel_method(server->channel, "/grpc.health.v1.Health/Check");
    arena_init(&server->watch_arena);
    arena_init(&server->check_arena);
    start_watch(server);
}

void server_health_stop(struct balancer_server *server) {
    if (server->is_watching) {
        rpc_client_stream_cancel(&server->watch);
    }
    if (server->is_checking) {
        rpc_client_call_cancel(&server->check);
    }
}

bool server_health_is_over(const struct balancer_server *server) {
    return !server->is_watching && !server->is_checking;
}

void server_health_release(struct balancer_server *server) {
    rpc_channel_method_release(server->watch_method);
    rpc_channel_method_release(server->check_method);
    arena_release(&server->watch_arena);
    arena_release(&server->check_arena);
}
