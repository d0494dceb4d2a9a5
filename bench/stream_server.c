// The floor under WatchRuns: a server that answers as runs.v1 does where bench/watch_load asks,
// and has no store, no tokens and no filters behind it. What is measured of it is what rpc/ and
// gRPC core cost for a message of a stream, and what a stream that waits takes.
//
//   stream_server HOST:PORT

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/core/memory.h"
#include "base/core/strbuf.h"
#include "base/core/wire.h"
#include "rpc/loop.h"
#include "rpc/server.h"
#include "rpc/server_stream.h"

enum { MAX_GROUPS = 4096, MAX_STREAMS = 20000, FILLER_BYTES = 90 };

struct group;

struct watcher {
    struct rpc_server_stream stream; // first
    struct group *group;
    struct watcher *next;
    struct watcher **link;
    size_t position; // messages of the group that were written
    bool is_writing;
};

// An organization: its token is its number. All is of the loop's thread.
struct group {
    struct slice *messages;
    size_t count, capacity;
    struct watcher *watchers;
};

struct service {
    struct group groups[MAX_GROUPS];
    size_t enrolled;
};

// --- watching ---

static void write_next(struct watcher *w) {
    if (!w->is_writing && w->position < w->group->count) {
        w->is_writing = true;
        rpc_server_stream_write(&w->stream, &w->group->messages[w->position++], 1);
    }
}

static void written(struct rpc_server_stream *stream, bool ok) {
    struct watcher *w = (struct watcher *)(void *)stream;
    w->is_writing = false;
    if (ok) {
        write_next(w);
    }
}

static void end(struct rpc_server_stream *stream) {
    rpc_server_stream_finish(stream, NULL);
}

static void closed(struct rpc_server_stream *stream) {
    struct watcher *w = (struct watcher *)(void *)stream;
    *w->link = w->next;
    if (w->next != NULL) {
        w->next->link = w->link;
    }
}

static struct group *group_of(struct service *s, struct rpc_server_call *call) {
    struct slice token;
    if (!rpc_server_call_metadata(call, "authorization", &token) || token.len < 8) {
        return &s->groups[0];
    }
    char *text = arena_cstr(rpc_server_call_arena(call), token);
    return &s->groups[strtoul(text + 7, NULL, 10) % MAX_GROUPS];
}

static void watch(void *context, struct rpc_server_call *call) {
    struct service *s = context;
    struct watcher *w = ARENA_NEW(rpc_server_call_arena(call), struct watcher);
    w->stream = (struct rpc_server_stream){
        .call = call, .written = written, .cancelled = end, .stopping = end, .closed = closed};
    w->group = group_of(s, call);
    w->position = w->group->count;
    w->next = w->group->watchers;
    w->link = &w->group->watchers;
    if (w->next != NULL) {
        w->next->link = &w->next;
    }
    w->group->watchers = w;
    rpc_server_stream_begin(&w->stream);
    rpc_server_stream_send_head(&w->stream);
}

// --- changes ---

// A WatchRunsResponse with a cursor's worth of bytes beside the change.
static void append_message(struct group *g, struct slice id) {
    enum { CHANGE = 1, CURSOR = 5, RUN_ID = 1, REVISION = 8 };
    static const uint8_t filler[FILLER_BYTES];
    struct strbuf change = STRBUF_INIT;
    struct strbuf message = STRBUF_INIT;
    wire_put_bytes(&change, RUN_ID, id);
    wire_put_uint(&change, REVISION, g->count + 1);
    wire_put_bytes(&message, CHANGE, strbuf_slice(&change));
    wire_put_bytes(&message, CURSOR, slice_of(filler, sizeof(filler)));
    strbuf_release(&change);
    if (g->count == g->capacity) {
        g->capacity = g->capacity == 0 ? 64 : 2 * g->capacity;
        g->messages = mem_realloc(g->messages, g->capacity * sizeof(*g->messages));
    }
    g->messages[g->count++] = strbuf_slice(&message);
}

static void cancel(void *context, struct rpc_server_call *call) {
    struct group *g = group_of(context, call);
    struct wire_field id;
    struct slice request = rpc_server_call_request(call);
    if (wire_find_last(request, 1, WIRE_BYTES, &id)) {
        append_message(g, id.bytes);
    }
    rpc_server_call_reply(call, NULL, 0);
    for (struct watcher *w = g->watchers; w != NULL; w = w->next) {
        write_next(w);
    }
}

static void create(void *context, struct rpc_server_call *call) {
    (void)context;
    rpc_server_call_reply(call, NULL, 0);
}

static void enroll(void *context, struct rpc_server_call *call) {
    struct service *s = context;
    struct strbuf message = STRBUF_INIT;
    char *token = arena_printf(rpc_server_call_arena(call), "%zu", s->enrolled++);
    wire_put_bytes(&message, 1, slice_of_cstr(token));
    struct slice part = strbuf_slice(&message);
    rpc_server_call_reply(call, &part, 1);
    strbuf_release(&message);
}

// --- the program ---

static bool listen_at(struct rpc_server *server, const char *where) {
    struct arena a;
    arena_init(&a);
    struct address address;
    int port;
    const struct error *error = address_parse(&a, "HOST:PORT", where, &address);
    if (error == NULL) {
        const struct rpc_listen_options options = {&address, rpc_credentials_insecure_server()};
        error = rpc_server_listen(server, &a, &options, &port);
    }
    if (error != NULL) {
        (void)fprintf(stderr, "stream_server: %s\n", error->message);
    }
    arena_release(&a);
    return error == NULL;
}

static void serve(const char *where, const sigset_t *signals) {
    struct service *service = mem_zalloc(sizeof(*service));
    const struct logger log = {2, LOG_WARN, "stream_server", NULL};
    const struct rpc_method methods[] = {
        {.path = "/runs.v1.RunsService/WatchRuns",
         .kind = RPC_SERVER_STREAM,
         .handle = watch,
         .service = service},
        {.path = "/runs.v1.RunsService/CreateRun", .handle = create, .service = service},
        {.path = "/runs.v1.RunsService/CancelRun", .handle = cancel, .service = service},
        {.path = "/runs.v1.TokensService/CreateToken", .handle = enroll, .service = service},
    };
    struct rpc_loop *loop = rpc_loop_new("stream-server");
    const struct rpc_server_options options = {.log = &log,
                                               .methods = methods,
                                               .method_count = 4,
                                               .error_domain = "bench",
                                               .max_calls_in_flight = MAX_STREAMS + 1024,
                                               .max_streams = MAX_STREAMS,
                                               .max_connections = MAX_STREAMS};
    struct rpc_server *server = rpc_server_new(loop, &options);
    if (listen_at(server, where)) {
        rpc_server_start(server);
        int number;
        (void)sigwait(signals, &number);
        rpc_server_stop(server, 1000);
    }
    rpc_server_free(server);
    rpc_loop_free(loop);
    for (size_t i = 0; i < MAX_GROUPS; i++) {
        for (size_t m = 0; m < service->groups[i].count; m++) {
            free((void *)(uintptr_t)service->groups[i].messages[m].data);
        }
        free(service->groups[i].messages);
    }
    free(service);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        (void)fprintf(stderr, "usage: stream_server HOST:PORT\n");
        return 2;
    }
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    serve(argv[1], &signals);
    return 0;
}
