#include "gateway/upstream_look.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "base/thread/periodic.h"
#include "rpc/balancer.h"
#include "rpc/health_answer.h"

enum {
    INTERVAL_MS = 1000,
    TIMEOUT_MS = 1000, // of a call
    FRESH_MS = 5000,   // for how long an answer counts, should none follow it
};

struct upstream_look {
    struct admin *admin;
    struct rpc_channel *upstream;
    // Of a single one, which nobody looks at otherwise.
    struct rpc_client_method *method; // NULL: there are several
    struct periodic thread;
    pthread_mutex_t mutex; // guards what follows
    int64_t looked_us;     // when the last answer came; 0: none has
    bool is_serving;
    char detail[ADMIN_DETAIL_SIZE];
};

// --- a single one ---

static void note(struct upstream_look *look, const struct rpc_client_call *call) {
    bool is_serving = health_answer_serves(call->error, call->response);
    pthread_mutex_lock(&look->mutex);
    look->looked_us = clock_monotonic_us();
    look->is_serving = is_serving;
    snprintf(look->detail, sizeof(look->detail), "%s",
             is_serving ? "" : health_answer_reason(call->error));
    pthread_mutex_unlock(&look->mutex);
}

static void turn(void *context) {
    struct upstream_look *look = context;
    struct arena a;
    arena_init(&a);
    struct rpc_client_call call = {
        .method = look->method, // with an empty message: the service ""
        .deadline_us = clock_monotonic_us() + (int64_t)TIMEOUT_MS * 1000,
        .is_read = true,
        .arena = &a,
    };
    rpc_client_call_wait(&call);
    note(look, &call);
    rpc_client_call_release(&call);
    arena_release(&a);
}

static bool is_upstream_serving(void *context, char detail[ADMIN_DETAIL_SIZE]) {
    struct upstream_look *look = context;
    pthread_mutex_lock(&look->mutex);
    bool is_known =
        look->looked_us != 0 && clock_monotonic_us() - look->looked_us < (int64_t)FRESH_MS * 1000;
    bool is_ok = is_known && look->is_serving;
    snprintf(detail, ADMIN_DETAIL_SIZE, "%s", is_known ? look->detail : "it has not answered yet");
    pthread_mutex_unlock(&look->mutex);
    return is_ok;
}

// --- several ---

struct summary {
    int serving;
    int count;
    char detail[ADMIN_DETAIL_SIZE]; // of those that do not serve first, then of the others
    char well[ADMIN_DETAIL_SIZE];
};

static void append(char text[ADMIN_DETAIL_SIZE], const char *address, const char *state) {
    size_t length = strlen(text);
    snprintf(text + length, ADMIN_DETAIL_SIZE - length, "%s%s %s", length > 0 ? "; " : "", address,
             state);
}

static void summarize(void *context, const struct rpc_server_view *view) {
    struct summary *s = context;
    s->count++;
    s->serving += view->is_serving ? 1 : 0;
    if (view->is_serving) {
        append(s->well, view->address, "serves");
    } else {
        char state[ADMIN_DETAIL_SIZE];
        snprintf(state, sizeof(state), "does not serve: %s", view->problem);
        append(s->detail, view->address, state);
    }
}

// One of several that serves is enough.
static bool is_one_serving(void *context, char detail[ADMIN_DETAIL_SIZE]) {
    struct upstream_look *look = context;
    struct summary s = {0};
    rpc_balancer_each(look->upstream, summarize, &s);
    snprintf(detail, ADMIN_DETAIL_SIZE, "%d of %d serve", s.serving, s.count);
    const char *parts[] = {s.detail, s.well};
    for (size_t i = 0; i < 2; i++) {
        size_t length = strlen(detail);
        snprintf(detail + length, ADMIN_DETAIL_SIZE - length, "%s%s",
                 parts[i][0] != '\0' ? "; " : "", parts[i]);
    }
    return s.serving > 0;
}

// --- either ---

struct upstream_look *upstream_look_start(struct admin *admin, struct rpc_channel *upstream) {
    if (admin == NULL) {
        return NULL;
    }
    struct upstream_look *look = mem_zalloc(sizeof(*look));
    look->admin = admin;
    look->upstream = upstream;
    bool is_balanced = rpc_channel_is_balanced(upstream);
    if (!is_balanced) {
        look->method = rpc_channel_method(upstream, "/grpc.health.v1.Health/Check");
        pthread_mutex_init(&look->mutex, NULL);
        periodic_start(&look->thread, "upstream-look", INTERVAL_MS, turn, look);
        periodic_wake(&look->thread);
    }
    const struct admin_check check = {.name = "upstream",
                                      .is_ok = is_balanced ? is_one_serving : is_upstream_serving,
                                      .context = look};
    admin_add_check(admin, &check);
    return look;
}

void upstream_look_stop(struct upstream_look *look) {
    if (look == NULL) {
        return;
    }
    admin_remove_checks(look->admin, look);
    if (look->method != NULL) {
        periodic_stop(&look->thread);
        rpc_channel_method_release(look->method);
        pthread_mutex_destroy(&look->mutex);
    }
    free(look);
}
