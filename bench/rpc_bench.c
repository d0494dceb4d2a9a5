#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "rpc/client.h"
#include "rpc/loop.h"
#include "rpc/server.h"

// What a unary call through rpc/ costs, by transport and by who starts calls and
// answers them: calls a second and CPU microseconds a call of the whole process,
// so both sides.
//
//   rpc_bench [SECONDS [OUTSTANDING [CERT KEY]]]
//
// CERT and KEY: the files of a certificate for 127.0.0.1 that signs itself, for TLS.

enum { REPLY_BYTES = 1400, DEFAULT_SECONDS = 3, DEFAULT_OUTSTANDING = 64 };

// --- the server: replies at once, or from a thread that drains a list ---

struct held {
    struct held *next;
    struct rpc_server_call *call;
};

struct service {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct held *list; // newest first
    bool ending;
};

static const uint8_t reply_bytes[REPLY_BYTES];

static void reply(struct rpc_server_call *call) {
    const struct slice parts[] = {slice_of(reply_bytes, REPLY_BYTES - 100),
                                  slice_of(reply_bytes, 100)};
    rpc_server_call_reply(call, parts, 2);
}

static void handle_at_once(void *service, struct rpc_server_call *call) {
    (void)service;
    reply(call);
}

static void handle_in_thread(void *context, struct rpc_server_call *call) {
    struct service *s = context;
    struct held *held = arena_alloc(rpc_server_call_arena(call), sizeof(*held));
    held->call = call;
    pthread_mutex_lock(&s->mutex);
    held->next = s->list;
    bool wake = s->list == NULL;
    s->list = held;
    pthread_mutex_unlock(&s->mutex);
    if (wake) {
        pthread_cond_signal(&s->changed);
    }
}

static void *answer(void *context) {
    struct service *s = context;
    pthread_mutex_lock(&s->mutex);
    for (;;) {
        while (s->list == NULL && !s->ending) {
            pthread_cond_wait(&s->changed, &s->mutex);
        }
        struct held *list = s->list;
        s->list = NULL;
        if (list == NULL) {
            break;
        }
        pthread_mutex_unlock(&s->mutex);
        while (list != NULL) {
            struct held *next = list->next;
            reply(list->call);
            list = next;
        }
        pthread_mutex_lock(&s->mutex);
    }
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

// --- the client: every end starts the next call ---

struct load {
    struct rpc_client_method *method;
    int64_t until_us;
    atomic_int running;
    atomic_long calls;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
};

struct runner {
    struct rpc_client_call call; // first
    struct load *load;
    struct arena arena;
};

static void start(struct runner *runner);

static void call_done(struct rpc_client_call *call) {
    struct runner *runner = (struct runner *)(void *)call;
    struct load *load = runner->load;
    if (call->error != NULL || call->response.len != REPLY_BYTES) {
        fprintf(stderr, "rpc_bench: a call failed: %s\n",
                call->error != NULL ? call->error->message : "wrong length");
        exit(1);
    }
    rpc_client_call_release(call);
    arena_reset(&runner->arena);
    atomic_fetch_add(&load->calls, 1);
    if (clock_monotonic_us() < load->until_us) {
        start(runner);
    } else {
        pthread_mutex_lock(&load->mutex);
        load->running--;
        pthread_cond_signal(&load->ended);
        pthread_mutex_unlock(&load->mutex);
    }
}

static void start(struct runner *runner) {
    static const struct rpc_metadata metadata[] = {
        {"authorization", {(const uint8_t *)"Bearer 0123456789abcdef0123456789abcdef01234567", 47}},
        {"x-request-id", {(const uint8_t *)"0123456789abcdef0123456789abcdef", 32}},
    };
    runner->call = (struct rpc_client_call){
        .method = runner->load->method,
        .request = slice_of_cstr("a run's identifier, thirty-six bytes"),
        .metadata = metadata,
        .metadata_count = 2,
        .deadline_us = clock_monotonic_us() + 10 * 1000 * 1000,
        .arena = &runner->arena,
        .done = call_done,
    };
    rpc_client_call_start(&runner->call);
}

static int64_t cpu_us(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000) + u.ru_utime.tv_usec +
           u.ru_stime.tv_usec;
}

static void run_load(struct rpc_channel *channel, const char *path, int seconds, int outstanding,
                     double *ret_calls_per_s, double *ret_cpu_us) {
    struct load load = {.method = rpc_channel_method(channel, path)};
    pthread_mutex_init(&load.mutex, NULL);
    pthread_cond_init(&load.ended, NULL);
    struct runner *runners = mem_zalloc((size_t)outstanding * sizeof(*runners));
    int64_t began_us = clock_monotonic_us();
    int64_t cpu_began_us = cpu_us();
    load.until_us = began_us + seconds * INT64_C(1000000);
    load.running = outstanding;
    for (int i = 0; i < outstanding; i++) {
        runners[i].load = &load;
        start(&runners[i]);
    }
    pthread_mutex_lock(&load.mutex);
    while (load.running > 0) {
        pthread_cond_wait(&load.ended, &load.mutex);
    }
    pthread_mutex_unlock(&load.mutex);
    double calls = (double)load.calls;
    *ret_calls_per_s = calls * 1e6 / (double)(clock_monotonic_us() - began_us);
    *ret_cpu_us = (double)(cpu_us() - cpu_began_us) / calls;
    for (int i = 0; i < outstanding; i++) {
        arena_release(&runners[i].arena);
    }
    free(runners);
    pthread_cond_destroy(&load.ended);
    pthread_mutex_destroy(&load.mutex);
}

static void must(const struct error *error) {
    if (error != NULL) {
        fprintf(stderr, "rpc_bench: %s\n", error->message);
        exit(1);
    }
}

static const struct error *listen_at(struct rpc_server *server, struct arena *a,
                                     const struct address *address,
                                     const struct rpc_server_credentials *credentials,
                                     int *ret_port) {
    const struct rpc_listen_options options = {address, credentials};
    return rpc_server_listen(server, a, &options, ret_port);
}

static struct rpc_channel *connect_to(struct rpc_loop *loop, const struct address *address,
                                      const struct rpc_channel_credentials *credentials) {
    const struct rpc_channel_options options = {.address = address, .credentials = credentials};
    return rpc_channel_new(loop, &options);
}

// Both ends of TLS; all NULL without files.
struct tls {
    struct tls_source *source;
    struct rpc_server_credentials *server;
    struct rpc_channel_credentials *channel;
};

static struct tls open_tls(struct arena *a, const struct logger *log, char **files) {
    struct tls tls = {0};
    const struct tls_source_options options = {
        .log = log,
        .cert = {"CERT", files[0]},
        .key = {"KEY", files[1]},
        .ca = {"CERT", files[0]},
        .look_ms = -1,
    };
    must(tls_source_start(a, &options, &tls.source));
    tls.server = rpc_credentials_tls_server_new(tls.source, TLS_CLIENT_NONE);
    tls.channel = rpc_credentials_tls_channel_new(tls.source, NULL);
    return tls;
}

int main(int argc, char **argv) {
    int seconds = argc > 1 ? atoi(argv[1]) : DEFAULT_SECONDS;
    int outstanding = argc > 2 ? atoi(argv[2]) : DEFAULT_OUTSTANDING;
    if (seconds <= 0 || outstanding <= 0) {
        fprintf(stderr, "usage: rpc_bench [SECONDS [OUTSTANDING [CERT KEY]]]\n");
        return 2;
    }
    rpc_credentials_prepare();
    struct arena arena;
    arena_init(&arena);
    struct service service = {.list = NULL};
    pthread_mutex_init(&service.mutex, NULL);
    pthread_cond_init(&service.changed, NULL);
    pthread_create(&service.thread, NULL, answer, &service);

    struct rpc_loop *server_loop = rpc_loop_new("bench-server");
    struct rpc_loop *client_loop = rpc_loop_new("bench-client");
    const struct logger log = {2, LOG_WARN, "rpc_bench", NULL};
    const struct rpc_method methods[] = {
        {.path = "/bench.Service/AtOnce", .handle = handle_at_once, .service = &service},
        {.path = "/bench.Service/InThread", .handle = handle_in_thread, .service = &service},
    };
    const struct rpc_server_options options = {
        .log = &log, .methods = methods, .method_count = 2, .error_domain = "bench"};
    struct rpc_server *server = rpc_server_new(server_loop, &options);
    struct rpc_loop *local_loop = rpc_loop_new_local("bench-local");
    struct rpc_server *local_server = rpc_server_new(local_loop, &options);
    struct address tcp;
    struct address local;
    int port;
    must(address_parse(&arena, "tcp", "127.0.0.1:0", &tcp));
    struct address encrypted = tcp;
    must(listen_at(server, &arena, &tcp, rpc_credentials_insecure_server(), &port));
    tcp.port = port;
    struct tls tls = argc > 4 ? open_tls(&arena, &log, argv + 3) : (struct tls){0};
    if (tls.source != NULL) {
        must(listen_at(server, &arena, &encrypted, tls.server, &port));
        encrypted.port = port;
    }
    must(address_parse(&arena, "unix",
                       arena_printf(&arena, "unix:/tmp/rpc_bench.%d.socket", (int)getpid()),
                       &local));
    must(listen_at(server, &arena, &local, rpc_credentials_insecure_server(), &port));
    rpc_server_start(server);
    rpc_server_start(local_server);

    struct {
        const char *name;
        struct rpc_channel *channel;
    } rows[] = {
        {"in-process, local loop", rpc_channel_new_in_process(local_loop, local_server, 0)},
        {"in-process, one loop", rpc_channel_new_in_process(server_loop, server, 0)},
        {"in-process, two loops", rpc_channel_new_in_process(client_loop, server, 0)},
        {"unix socket", connect_to(client_loop, &local, rpc_credentials_insecure_channel())},
        {"TCP", connect_to(client_loop, &tcp, rpc_credentials_insecure_channel())},
        {"TCP, TLS", tls.source != NULL ? connect_to(client_loop, &encrypted, tls.channel) : NULL},
    };
    printf("%-24s %-10s %10s %12s\n", "transport", "answered", "calls/s", "CPU us/call");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && rows[i].channel != NULL; i++) {
        for (size_t m = 0; m < 2; m++) {
            double rate;
            double cpu;
            run_load(rows[i].channel, methods[m].path, seconds, outstanding, &rate, &cpu);
            printf("%-24s %-10s %10.0f %12.2f\n", rows[i].name, m == 0 ? "at once" : "in thread",
                   rate, cpu);
            fflush(stdout);
        }
        rpc_channel_free(rows[i].channel);
    }

    rpc_server_stop(local_server, 1000);
    rpc_server_free(local_server);
    rpc_loop_free(local_loop);
    rpc_server_stop(server, 1000);
    rpc_server_free(server);
    rpc_credentials_tls_channel_free(tls.channel);
    rpc_credentials_tls_server_free(tls.server);
    tls_source_stop(tls.source);
    rpc_loop_free(client_loop);
    rpc_loop_free(server_loop);
    pthread_mutex_lock(&service.mutex);
    service.ending = true;
    pthread_mutex_unlock(&service.mutex);
    pthread_cond_signal(&service.changed);
    pthread_join(service.thread, NULL);
    arena_release(&arena);
    return 0;
}
