#include "bench/load/grpc_engine.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "base/core/strbuf.h"
#include "base/core/wire.h"
#include "bench/load/sample_run.h"
#include "rpc/client.h"
#include "rpc/loop.h"

struct engine;

// One of the calls outstanding, used again and again.
struct slot {
    struct rpc_client_call call;
    struct engine *engine;
    struct arena arena;
    struct strbuf request;
    int64_t start_ns;
};

struct engine {
    const struct grpc_load_options *options;
    struct rpc_client_method *method;
    struct rpc_metadata authorization;
    int64_t start_ns;

    pthread_mutex_t mutex; // guards what follows: the first calls start on another thread
    pthread_cond_t idle;
    struct load_report *report;
    uint64_t code_counts[STATUS_CODE_COUNT];
    uint64_t issued;
    int active; // slots that have a call or will have one
};

static const char *const METHOD_NAMES[] = {
    [GRPC_LOAD_GET_RUN] = "GetRun",
    [GRPC_LOAD_CANCEL_RUN] = "CancelRun",
    [GRPC_LOAD_CREATE_RUN] = "CreateRun",
};

enum { METHOD_COUNT = sizeof(METHOD_NAMES) / sizeof(METHOD_NAMES[0]) };

const struct error *grpc_load_method_parse(struct arena *a, const char *name,
                                           enum grpc_load_method *ret) {
    for (int i = 0; i < METHOD_COUNT; i++) {
        if (strcmp(name, METHOD_NAMES[i]) == 0) {
            *ret = (enum grpc_load_method)i;
            return NULL;
        }
    }
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                     "--method must be GetRun, CancelRun or CreateRun, is '%s'", name);
}

static int64_t clock_ns(clockid_t id) {
    struct timespec t;
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool exhausted(const struct engine *e, int64_t now_ns) {
    const struct grpc_load_options *o = e->options;
    return (o->count > 0 && e->issued >= o->count) ||
           (o->once && o->first_target + e->issued >= o->targets->count) ||
           (o->duration_us > 0 && now_ns - e->start_ns >= o->duration_us * 1000);
}

static void write_request(struct slot *s, struct slice id) {
    s->request.len = 0;
    if (s->engine->options->method == GRPC_LOAD_CREATE_RUN) {
        sample_run_append_request(&s->request, id);
    } else {
        wire_put_bytes(&s->request, 1, id); // id = 1 of GetRunRequest and CancelRunRequest
    }
}

// Starts the slot's next call, or retires the slot if none is left.
static void start_next(struct slot *s) {
    struct engine *e = s->engine;
    const struct grpc_load_options *o = e->options;
    int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    pthread_mutex_lock(&e->mutex);
    if (exhausted(e, now_ns)) {
        e->active--;
        pthread_cond_signal(&e->idle);
        pthread_mutex_unlock(&e->mutex);
        return;
    }
    struct slice id = o->targets->lines[(o->first_target + e->issued) % o->targets->count];
    e->issued++;
    pthread_mutex_unlock(&e->mutex);
    write_request(s, id);
    s->start_ns = now_ns;
    s->call.request = strbuf_slice(&s->request);
    rpc_client_call_start(&s->call);
}

static void done(struct rpc_client_call *call) {
    struct slot *s = CONTAINER_OF(call, struct slot, call);
    struct engine *e = s->engine;
    int code = call->error == NULL ? STATUS_OK : (int)call->error->code;
    rpc_client_call_release(call);
    arena_release(&s->arena);
    int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    pthread_mutex_lock(&e->mutex);
    e->code_counts[code]++;
    histogram_record(&e->report->latency_ns, (uint64_t)(now_ns - s->start_ns));
    e->report->elapsed_ns = now_ns - e->start_ns;
    pthread_mutex_unlock(&e->mutex);
    start_next(s);
}

static void slot_init(struct slot *s, struct engine *e) {
    s->engine = e;
    arena_init(&s->arena);
    s->call = (struct rpc_client_call){
        .method = e->method,
        .metadata = &e->authorization,
        .metadata_count = e->options->token == NULL ? 0 : 1,
        .arena = &s->arena,
        .done = done,
    };
}

static void run_slots(struct engine *e, struct slot *slots) {
    int count = e->options->outstanding;
    e->active = count;
    e->start_ns = clock_ns(CLOCK_MONOTONIC);
    for (int i = 0; i < count; i++) {
        slot_init(&slots[i], e);
        start_next(&slots[i]);
    }
    pthread_mutex_lock(&e->mutex);
    while (e->active > 0) {
        pthread_cond_wait(&e->idle, &e->mutex);
    }
    pthread_mutex_unlock(&e->mutex);
}

static void fill_report(const struct engine *e, int64_t cpu_ns) {
    struct load_report *r = e->report;
    r->generator = "grpc_load";
    r->loop = "closed";
    r->connections = e->options->outstanding;
    r->targets_used = e->issued;
    r->cpu_ns = cpu_ns;
    int place = 0;
    for (int code = 0; code < STATUS_CODE_COUNT; code++) {
        if (e->code_counts[code] > 0) {
            struct load_outcome *o = &r->answers[place++];
            memcpy(o->name, status_code_name(code), strlen(status_code_name(code)) + 1);
            o->count = e->code_counts[code];
        }
    }
}

void grpc_load_run(const struct grpc_load_options *options, struct load_report *ret) {
    struct engine e = {.options = options, .report = ret};
    pthread_mutex_init(&e.mutex, NULL);
    pthread_cond_init(&e.idle, NULL);
    struct strbuf bearer = STRBUF_INIT;
    strbuf_printf(&bearer, "Bearer %s", options->token == NULL ? "" : options->token);
    e.authorization = (struct rpc_metadata){"authorization", strbuf_slice(&bearer)};
    struct strbuf path = STRBUF_INIT;
    strbuf_printf(&path, "/%s/%s", options->service, METHOD_NAMES[options->method]);
    strbuf_append_byte(&path, '\0');

    struct rpc_loop *loop = rpc_loop_new("load");
    const struct rpc_channel_options to = {.address = &options->server,
                                           .credentials = rpc_credentials_insecure_channel()};
    struct rpc_channel *channel = rpc_channel_new(loop, &to);
    e.method = rpc_channel_method(channel, (const char *)path.data);
    size_t count = (size_t)options->outstanding;
    struct slot *slots = mem_zalloc(count * sizeof(*slots));
    int64_t cpu_start_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    run_slots(&e, slots);
    fill_report(&e, clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_start_ns);

    rpc_channel_free(channel);
    rpc_loop_free(loop);
    for (size_t i = 0; i < count; i++) {
        strbuf_release(&slots[i].request);
    }
    free(slots);
    strbuf_release(&path);
    strbuf_release(&bearer);
    pthread_cond_destroy(&e.idle);
    pthread_mutex_destroy(&e.mutex);
}
