#include "base/core/clock.h"
#include "base/core/memory.h"
#include "rpc/balancer_internal.h"

// Which server a call goes to, and whether it goes on at another one.

enum { UNKNOWN_METHOD_US = 10 * 1000 * 1000 }; // for how long that is believed

// --- choosing ---

// Whether a server is to get no calls at all, or not this one again.
static bool is_out(const struct balanced_call *call, const struct balancer_server *server) {
    return server->is_leaving || server->is_stopping || (call->tried >> server->place & 1) != 0;
}

static bool has_method(const struct balanced_method *balanced, const struct balancer_server *server,
                       int64_t now_us) {
    return balanced->at[server->place].id != server->id ||
           balanced->at[server->place].unknown_until_us <= now_us;
}

// How good a server is for a call; then those with fewer calls in flight are better.
static int rank(const struct balanced_call *call, const struct balancer_server *server,
                int64_t now_us) {
    return (int)server->state * 2 + (has_method(call->method->balanced, server, now_us) ? 1 : 0);
}

static int64_t in_flight(const struct balancer_server *server, bool is_stream) {
    return atomic_load_explicit(is_stream ? &server->streams : &server->calls,
                                memory_order_relaxed);
}

static struct balancer_server *best(struct balancer *b, const struct balanced_call *call) {
    struct balancer_server *result = NULL;
    int result_rank = 0;
    int at = 0;
    int64_t now_us = clock_monotonic_us();
    for (int i = 0; i < b->count; i++) {
        int n = (b->next + i) % b->count;
        struct balancer_server *server = b->servers[n];
        if (is_out(call, server)) {
            continue;
        }
        int server_rank = rank(call, server, now_us);
        if (result == NULL || server_rank > result_rank ||
            (server_rank == result_rank &&
             in_flight(server, call->is_stream) < in_flight(result, call->is_stream))) {
            result = server;
            result_rank = server_rank;
            at = n;
        }
    }
    b->next = at + 1;
    return result;
}

// One thread writes: no lock is needed to add.
static void add(atomic_int_fast64_t *count, int64_t by) {
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

static void count_in_flight(struct balanced_call *call, int by) {
    add(call->is_stream ? &call->server->streams : &call->server->calls, by);
}

static struct rpc_client_method *method_at(struct rpc_client_method *method,
                                           struct balancer_server *server) {
    struct balanced_method *balanced = method->balanced;
    if (balanced->at[server->place].id != server->id) {
        balanced->at[server->place].id = server->id;
        balanced->at[server->place].method = rpc_channel_method(server->channel, method->path);
        balanced->at[server->place].unknown_until_us = 0;
    }
    return balanced->at[server->place].method;
}

static struct balancer_server *wanted(const struct balancer *b, const struct balanced_call *call) {
    for (int i = 0; i < b->count && call->wanted != NULL; i++) {
        struct balancer_server *server = b->servers[i];
        if (server->id == *call->wanted && !is_out(call, server)) {
            return server;
        }
    }
    return NULL;
}

struct rpc_client_method *balancer_choose(struct balanced_call *call) {
    struct balancer *b = call->method->channel->balancer;
    struct balancer_server *server = wanted(b, call);
    if (server == NULL) {
        server = best(b, call);
    }
    if (server == NULL) {
        return NULL;
    }
    if (call->wanted != NULL) {
        *call->wanted = server->id;
    }
    call->server = server;
    count_in_flight(call, 1);
    add(&server->begun, 1);
    return method_at(call->method, server);
}

// --- going on ---

// Whether another server may take a call that one did not begin.
static bool has_other(struct balancer *b, const struct balanced_call *call, enum attempt_end end) {
    int64_t now_us = clock_monotonic_us();
    for (int i = 0; i < b->count; i++) {
        const struct balancer_server *server = b->servers[i];
        // Where no other one has the method either, the first answer is the answer.
        if (!is_out(call, server) &&
            (end != ATTEMPT_UNKNOWN_METHOD || has_method(call->method->balanced, server, now_us))) {
            return true;
        }
    }
    return false;
}

// Whether a call that no server takes may wait for one.
static bool may_wait(struct balancer *b, const struct balanced_call *call, int64_t now_us) {
    const int64_t patience_us = (int64_t)RPC_BALANCER_PATIENCE_MS * 1000;
    return now_us - b->served_us < patience_us && now_us - call->refused_us < patience_us;
}

static void leave_server(struct balanced_call *call, enum attempt_end end, int64_t now_us) {
    struct balancer_server *server = call->server;
    if (server == NULL) {
        return;
    }
    server->is_stopping = server->is_stopping || end == ATTEMPT_STOPPING;
    if (end == ATTEMPT_UNKNOWN_METHOD) {
        call->method->balanced->at[server->place].unknown_until_us = now_us + UNKNOWN_METHOD_US;
    }
    call->tried |= (uint64_t)1 << server->place;
    count_in_flight(call, -1);
    call->server = NULL;
    if (server->is_leaving) {
        server->balancer->ended(server);
    }
}

bool balancer_end(struct balanced_call *call, enum attempt_end end) {
    struct balancer *b = call->method->channel->balancer;
    int64_t now_us = end == ATTEMPT_OVER ? 0 : clock_monotonic_us();
    leave_server(call, end, now_us);
    if (end == ATTEMPT_OVER) {
        return false;
    }
    call->refused_us = call->refused_us != 0 ? call->refused_us : now_us;
    if (has_other(b, call, end)) {
        balancer_metrics_moved(b->metrics, end);
        call->again(call);
        return true;
    }
    if (end == ATTEMPT_UNKNOWN_METHOD || !may_wait(b, call, now_us)) {
        return false;
    }
    call->next = b->waiting;
    b->waiting = call;
    return true;
}

void balancer_try_waiting(struct balancer *b) {
    struct balanced_call *call = b->waiting;
    b->waiting = NULL;
    while (call != NULL) {
        struct balanced_call *next = call->next;
        call->tried = 0;
        call->again(call);
        call = next;
    }
}

struct balanced_method *balancer_new_method(void) {
    return mem_zalloc(sizeof(struct balanced_method));
}

void balancer_release_method(struct rpc_client_method *method) {
    struct balancer *b = method->channel->balancer;
    pthread_mutex_lock(&b->mutex); // so that its server does not go meanwhile
    for (int i = 0; i < RPC_MOST_SERVERS; i++) {
        const struct balancer_server *server = b->by_place[i];
        if (server != NULL && method->balanced->at[i].id == server->id) {
            rpc_channel_method_release(method->balanced->at[i].method);
        }
    }
    pthread_mutex_unlock(&b->mutex);
}
