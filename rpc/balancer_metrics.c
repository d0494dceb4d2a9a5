#include <stdlib.h>

#include "base/core/memory.h"
#include "rpc/balancer_internal.h"

// What a balanced channel counts of its servers. A server that goes takes its samples with it.

static const char *const moved_words[ATTEMPT_ENDS] = {
    [ATTEMPT_UNSENT] = "unsent",
    [ATTEMPT_STOPPING] = "stopping",
    [ATTEMPT_UNKNOWN_METHOD] = "unknown_method",
};

static const struct metrics_info serving_info = {
    .name = "runsd_upstream_serving",
    .help =
        "Whether the upstream gets calls: it answers, and its health service says that it serves",
    .kind = METRICS_GAUGE,
    .labels = {"upstream"},
};

static const struct metrics_info begun_info = {
    .name = "runsd_upstream_calls",
    .help = "Calls and streams that were given to the upstream",
    .kind = METRICS_COUNTER,
    .labels = {"upstream"},
};

static const struct metrics_info in_flight_info = {
    .name = "runsd_upstream_calls_in_flight",
    .help = "Calls and open streams that the upstream has",
    .kind = METRICS_GAUGE,
    .labels = {"upstream", "kind"},
};

static const struct metrics_info moved_info = {
    .name = "runsd_upstream_calls_moved",
    .help = "Calls and streams that an upstream did not begin and another one was given",
    .kind = METRICS_COUNTER,
    .labels = {"cause"},
};

struct balancer_metrics {
    struct balancer *balancer;
    struct metrics *metrics;
    struct metrics_family *serving;
    struct metrics_family *begun;
    struct metrics_family *in_flight;
    struct metrics_child *moved[ATTEMPT_ENDS];
};

static double load(const atomic_int_fast64_t *count) {
    return (double)atomic_load_explicit(count, memory_order_relaxed);
}

static void collect(void *context, struct metrics_collection *collection) {
    const struct balancer_metrics *metrics = context;
    struct balancer *b = metrics->balancer;
    pthread_mutex_lock(&b->mutex);
    for (int i = 0; i < b->count; i++) {
        const struct balancer_server *server = b->servers[i];
        if (server->is_leaving) { // another one may have its address
            continue;
        }
        const char *const one[] = {server->address};
        const char *const call[] = {server->address, "call"};
        const char *const stream[] = {server->address, "stream"};
        metrics_collect(collection, metrics->serving, one, server->state == SERVER_SERVING ? 1 : 0);
        metrics_collect(collection, metrics->begun, one, load(&server->begun));
        metrics_collect(collection, metrics->in_flight, call, load(&server->calls));
        metrics_collect(collection, metrics->in_flight, stream, load(&server->streams));
    }
    pthread_mutex_unlock(&b->mutex);
}

struct balancer_metrics *balancer_metrics_new(struct balancer *b, struct metrics *metrics) {
    struct balancer_metrics *result = mem_zalloc(sizeof(*result));
    result->balancer = b;
    result->metrics = metrics;
    result->serving = metrics_add_family(metrics, &serving_info);
    result->begun = metrics_add_family(metrics, &begun_info);
    result->in_flight = metrics_add_family(metrics, &in_flight_info);
    struct metrics_family *moved = metrics_add_family(metrics, &moved_info);
    for (int end = ATTEMPT_UNSENT; end < ATTEMPT_ENDS; end++) {
        result->moved[end] = metrics_child(moved, &moved_words[end]);
    }
    if (metrics != NULL) {
        metrics_add_collector(metrics, collect, result);
    }
    return result;
}

void balancer_metrics_free(struct balancer_metrics *metrics) {
    if (metrics->metrics != NULL) {
        metrics_remove_collectors(metrics->metrics, metrics);
    }
    free(metrics);
}

void balancer_metrics_moved(struct balancer_metrics *metrics, enum attempt_end end) {
    metrics_counter_add(metrics->moved[end], 1);
}
