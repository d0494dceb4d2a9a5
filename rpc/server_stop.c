#include "rpc/server_stop.h"

#include <time.h>

#include "base/core/check.h"
#include "base/core/clock.h"
#include "base/core/container_of.h"
#include "rpc/server_intake_internal.h"
#include "rpc/server_listen_internal.h"
#include "rpc/server_parting_internal.h"
#include "rpc/server_stop_internal.h"
#include "rpc/server_stream_internal.h"

enum {
    // At a stop, how long calls that are on their way are still awaited, to be refused with
    // a reason: after the last one, and in all.
    LINGER_MS = 50,
    // The same after the stop began too, where somebody watches the server's health, as who has
    // other servers does: so that the news is there before the connections end.
    WATCHED_LINGER_MS = 250,
    LONGEST_LINGER_MS = 1000,
    LAST_ANSWERS_MS = 1000, // after the drain, for answers to reach the sockets
};

// --- on the loop's thread ---

static void run_stop(struct rpc_task *task) {
    struct rpc_server *server = CONTAINER_OF(task, struct rpc_server, stop_task);
    // Calls that still come through are refused with a reason.
    server->stopping = true;
    if (server->anonymous_stream_count > 0) {
        atomic_store(&server->watched_stop_us, clock_monotonic_us());
    }
    rpc_server_stream_stop_all(server);
    rpc_server_intake_serve_waiting(server);
    rpc_server_core_check_quiet(server);
}

// Not before there is no other way: once core shuts down it drops the calls that come, as
// CANCELLED. So the connections are ended first, which makes UNAVAILABLE of them.
static void run_shutdown(struct rpc_task *task) {
    struct rpc_server *server = CONTAINER_OF(task, struct rpc_server, shutdown_task);
    server->stopping = true;
    grpc_server_cancel_all_calls(server->core);
    rpc_server_stream_part_direct(server);
    // No new connections; calls that were asked for end not ok.
    grpc_server_shutdown_and_notify(server->core, server->queue, &server->shutdown_tag);
    rpc_server_core_check_idle(server);
}

static void shutdown_done(struct rpc_tag *tag, bool ok) {
    (void)ok;
    rpc_server_core_reach(CONTAINER_OF(tag, struct rpc_server, shutdown_tag), RPC_SERVER_SHUT_DOWN);
}

void rpc_server_stop_init(struct rpc_server *server) {
    server->stop_task.run = run_stop;
    server->shutdown_task.run = run_shutdown;
    rpc_tag_init(&server->shutdown_tag, server->loop, shutdown_done);
}

// --- the stop ---

void rpc_server_begin_stop(struct rpc_server *server) {
    if (server->accept_thread != NULL) {
        accept_thread_stop(server->accept_thread);
    }
    if (server->started && !server->stop_begun) {
        server->stop_begun = true;
        rpc_loop_post(server->loop, &server->stop_task);
    }
}

// When no call has come for so long that none is on its way, if none comes till then.
static int64_t quiet_us(const struct rpc_server *server) {
    int64_t last_call_us = atomic_load(&server->last_call_us);
    int64_t watched_stop_us = atomic_load(&server->watched_stop_us);
    if (watched_stop_us == 0) {
        return last_call_us + (int64_t)LINGER_MS * 1000;
    }
    int64_t from_us = last_call_us > watched_stop_us ? last_call_us : watched_stop_us;
    return from_us + (int64_t)WATCHED_LINGER_MS * 1000;
}

// Awaits calls that were on their way when the stop began.
static void linger(const struct rpc_server *server, int64_t until_us) {
    int64_t longest_us = clock_monotonic_us() + (int64_t)LONGEST_LINGER_MS * 1000;
    until_us = until_us < longest_us ? until_us : longest_us;
    int64_t now_us;
    while ((now_us = clock_monotonic_us()) < until_us) {
        int64_t end_us = quiet_us(server);
        end_us = end_us < until_us ? end_us : until_us;
        if (now_us >= end_us) {
            return;
        }
        const struct timespec end = {end_us / 1000000, end_us % 1000000 * 1000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
    }
}

// Of a stop whose drain is over.
struct giving_up {
    struct rpc_server *server;
    bool was_quiet; // no call was left to give up
};

// On the loop's thread. A call that is answered may be gone right after, so quiet is looked at
// before.
static void give_up(void *context) {
    struct giving_up *g = context;
    g->was_quiet = rpc_server_core_has_reached(g->server, RPC_SERVER_QUIET);
    rpc_server_parting_give_up(g->server);
}

// Answers the calls that are left. Returns whether there were none: a drain of no time may
// be over before anything was looked at.
static bool end_calls(struct rpc_server *server, int64_t drain_ms) {
    struct giving_up g = {.server = server};
    rpc_loop_call(server->loop, give_up, &g);
    rpc_server_core_await(server, RPC_SERVER_PARTED,
                          clock_monotonic_us() + (int64_t)LAST_ANSWERS_MS * 1000);
    LOG(server->log, g.was_quiet ? LOG_INFO : LOG_WARN, "drain time is over",
        log_int("drainMs", drain_ms), log_int("callsCancelled", atomic_load(&server->answering)));
    return g.was_quiet;
}

void rpc_server_stop_core(struct rpc_server *server, int64_t until_us) {
    rpc_loop_post(server->loop, &server->shutdown_task);
    // The shutdown's tag has come, and each call object back.
    const unsigned over = RPC_SERVER_SHUT_DOWN | RPC_SERVER_IDLE;
    if (!rpc_server_core_await(server, over, until_us)) {
        grpc_server_cancel_all_calls(server->core); // those that came in between
        rpc_server_core_await(server, over, 0);
    }
}

bool rpc_server_stop(struct rpc_server *server, int64_t drain_ms) {
    CHECK(!rpc_loop_is_current(server->loop));
    // 1. Nothing new: what comes is refused. Calls in flight may end.
    rpc_server_begin_stop(server);
    if (!server->started) {
        return true;
    }
    int64_t until_us = clock_monotonic_us() + drain_ms * 1000;
    bool by_themselves = rpc_server_core_await(server, RPC_SERVER_QUIET, until_us);
    // 2. Those that are on their way are refused, those that are left answered.
    if (by_themselves) {
        linger(server, until_us);
    } else {
        by_themselves = end_calls(server, drain_ms);
    }
    // 3. The connections end, and with them what has no answer.
    rpc_server_stop_core(server, until_us);
    rpc_server_listen_end(server);
    server->started = false;
    return by_themselves;
}
