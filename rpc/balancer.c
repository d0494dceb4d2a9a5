#include "rpc/balancer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/check.h"
#include "base/core/clock.h"
#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "rpc/balancer_internal.h"

// The servers of a balanced channel: which there are, from the first to the last.

enum {
    TURN_MS = 200,
    LONGEST_BACKOFF_MS = 200, // a server that comes back is found so soon
};

// --- servers ---

static int free_place(const struct balancer *b) {
    for (int i = 0; i < RPC_MOST_SERVERS; i++) {
        if (b->by_place[i] == NULL) {
            return i;
        }
    }
    return -1;
}

static struct rpc_channel *connect_to(struct balancer *b, const struct rpc_remote *remote,
                                      const struct address *address) {
    const struct rpc_channel_options options = {
        .address = address,
        .credentials = remote->credentials,
        .max_reply_bytes = b->max_reply_bytes,
        .longest_backoff_ms = LONGEST_BACKOFF_MS,
    };
    return rpc_channel_new(b->loop, &options);
}

// Returns false if there is no place.
static bool add_server(struct balancer *b, const struct rpc_remote *remote,
                       const struct address *address) {
    int place = free_place(b);
    if (place < 0) {
        return false;
    }
    struct balancer_server *server = mem_zalloc(sizeof(*server));
    server->balancer = b;
    server->id = ++b->last_id;
    server->place = place;
    server->remote = remote;
    server->address = mem_strdup(address->text);
    server->channel = connect_to(b, remote, address);
    server_health_init(server);
    pthread_mutex_lock(&b->mutex);
    b->servers[b->count++] = server;
    b->by_place[place] = server;
    pthread_mutex_unlock(&b->mutex);
    return true;
}

static void remove_server(struct balancer_server *server) {
    struct balancer *b = server->balancer;
    pthread_mutex_lock(&b->mutex);
    int at = 0;
    while (b->servers[at] != server) {
        at++;
    }
    b->count--;
    memmove(&b->servers[at], &b->servers[at + 1],
            (size_t)(b->count - at) * sizeof(struct balancer_server *));
    b->by_place[server->place] = NULL;
    pthread_mutex_unlock(&b->mutex);
    server_health_release(server);
    rpc_channel_free(server->channel);
    free(server->address);
    free(server);
}

static void remove_if_over(struct balancer_server *server) {
    if (server_health_is_over(server) && atomic_load(&server->calls) == 0 &&
        atomic_load(&server->streams) == 0) {
        remove_server(server);
    }
}

static void leave(struct balancer_server *server) {
    struct balancer *b = server->balancer;
    LOG(b->log, LOG_INFO, "an upstream has gone from its name: it gets no more calls",
        log_text("upstream", server->address), log_text("name", server->remote->address.text));
    pthread_mutex_lock(&b->mutex);
    server->is_leaving = true;
    pthread_mutex_unlock(&b->mutex);
    server_health_stop(server);
    remove_if_over(server);
}

// --- names ---

// What a name stands for now, on its way to the loop's thread.
struct finding {
    struct balancer *balancer;
    const struct rpc_remote *remote;
    const char *const *texts; // as struct address has them
    const char *const *hosts;
    size_t count;
};

static bool is_among(const char *const *texts, size_t count, const char *text) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(texts[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_there(const struct balancer *b, const struct rpc_remote *remote, const char *text) {
    for (int i = 0; i < b->count; i++) {
        const struct balancer_server *server = b->servers[i];
        if (server->remote == remote && !server->is_leaving && strcmp(server->address, text) == 0) {
            return true;
        }
    }
    return false;
}

static void take_finding(void *context) {
    const struct finding *f = context;
    struct balancer *b = f->balancer;
    for (int i = b->count - 1; i >= 0; i--) {
        struct balancer_server *server = b->servers[i];
        if (server->remote == f->remote && !server->is_leaving &&
            !is_among(f->texts, f->count, server->address)) {
            leave(server);
        }
    }
    for (size_t i = 0; i < f->count; i++) {
        const struct address address = {.kind = ADDRESS_TCP,
                                        .text = f->texts[i],
                                        .host = f->hosts[i],
                                        .port = f->remote->address.port};
        if (!is_there(b, f->remote, f->texts[i]) && !add_server(b, f->remote, &address)) {
            LOG(b->log, LOG_WARN, "an upstream is left out: there are as many as there may be",
                log_text("upstream", f->texts[i]), log_int("limit", RPC_MOST_SERVERS));
        }
    }
}

static void found(struct balancer *b, const struct rpc_remote *remote, const char *const *addresses,
                  size_t count) {
    struct arena a;
    arena_init(&a);
    const char **texts = ARENA_ARRAY(&a, const char *, count);
    for (size_t i = 0; i < count; i++) {
        bool is_ipv6 = strchr(addresses[i], ':') != NULL;
        texts[i] =
            arena_printf(&a, is_ipv6 ? "[%s]:%d" : "%s:%d", addresses[i], remote->address.port);
    }
    struct finding f = {b, remote, texts, addresses, count};
    rpc_loop_call(b->loop, take_finding, &f);
    arena_release(&a);
}

// --- time ---

static void run_turn(struct rpc_task *task) {
    struct balancer *b = CONTAINER_OF(task, struct balancer, turn_task);
    atomic_store(&b->is_turn_posted, false);
    for (int i = b->count - 1; i >= 0; i--) {
        if (b->servers[i]->state == SERVER_SERVING) {
            b->served_us = clock_monotonic_us();
        }
        server_health_turn(b->servers[i]);
    }
    balancer_try_waiting(b);
}

static void turn(void *context) {
    struct balancer *b = context;
    if (!atomic_exchange(&b->is_turn_posted, true)) {
        rpc_loop_post(b->loop, &b->turn_task);
    }
}

static void changed(struct balancer_server *server) {
    struct balancer *b = server->balancer;
    if (server->state == SERVER_SERVING) {
        b->served_us = clock_monotonic_us();
        balancer_try_waiting(b);
    } else if (server->remote->is_name) {
        balancer_names_wake(b->names);
    }
}

// --- a balancer's life ---

static void add_fixed(void *context) {
    struct balancer *b = context;
    for (size_t i = 0; i < b->option_count; i++) {
        if (!b->options[i].is_name) {
            add_server(b, &b->options[i], &b->options[i].address);
        }
    }
}

static void begin_stop(void *context) {
    struct balancer *b = context;
    b->is_stopping = true;
    for (int i = 0; i < b->count; i++) {
        server_health_stop(b->servers[i]);
    }
}

static void remove_all(void *context) {
    struct balancer *b = context;
    for (int i = b->count - 1; i >= 0; i--) {
        if (server_health_is_over(b->servers[i])) {
            CHECK(atomic_load(&b->servers[i]->calls) == 0); // every call was released
            remove_server(b->servers[i]);
        }
    }
}

static void free_balancer(struct balancer *b) {
    balancer_names_stop(b->names);
    periodic_stop(&b->clock);
    balancer_metrics_free(b->metrics);
    rpc_loop_call(b->loop, begin_stop, b);
    while (b->count > 0) { // what was cancelled ends within some turns of the loop
        rpc_loop_call(b->loop, remove_all, b);
    }
    pthread_mutex_destroy(&b->mutex);
    free(b);
}

static const struct rpc_balancing balancing = {
    .choose = balancer_choose,
    .end = balancer_end,
    .new_method = balancer_new_method,
    .release_method = balancer_release_method,
    .free = free_balancer,
};

struct rpc_channel *rpc_channel_new_balanced(struct rpc_loop *loop,
                                             const struct rpc_balancer_options *options) {
    CHECK(options->server_count > 0 && options->server_count <= RPC_MOST_SERVERS);
    CHECK(!rpc_loop_is_local(loop));
    struct balancer *b = mem_zalloc(sizeof(*b));
    b->log = options->log;
    b->loop = loop;
    b->max_reply_bytes = options->max_reply_bytes;
    b->options = options->servers;
    b->option_count = options->server_count;
    b->served_us = clock_monotonic_us(); // so that the first calls wait for what is looked up
    b->changed = changed;
    b->ended = remove_if_over;
    b->turn_task.run = run_turn;
    pthread_mutex_init(&b->mutex, NULL);
    b->metrics = balancer_metrics_new(b, options->metrics);
    rpc_loop_call(loop, add_fixed, b);
    b->names = balancer_names_start(b, options, found);
    periodic_start(&b->clock, "upstreams", TURN_MS, turn, b);
    return rpc_channel_new_of(loop, options->max_reply_bytes, &balancing, b);
}

// --- what others ask ---

void rpc_balancer_each(struct rpc_channel *channel,
                       void (*each)(void *context, const struct rpc_server_view *view),
                       void *context) {
    struct balancer *b = channel->balancer;
    if (b == NULL) {
        return;
    }
    pthread_mutex_lock(&b->mutex);
    for (int i = 0; i < b->count; i++) {
        const struct balancer_server *server = b->servers[i];
        const struct rpc_server_view view = {
            .address = server->address,
            .is_serving = server->state == SERVER_SERVING,
            .problem =
                server->state == SERVER_UNKNOWN ? "it has not answered yet" : server->problem,
        };
        if (!server->is_leaving) {
            each(context, &view);
        }
    }
    pthread_mutex_unlock(&b->mutex);
}

bool rpc_channel_is_balanced(const struct rpc_channel *channel) {
    return channel->balancer != NULL;
}
