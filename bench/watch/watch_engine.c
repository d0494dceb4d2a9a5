#include "bench/watch/watch_engine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/core/check.h"
#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "bench/load/connect.h"
#include "bench/watch/h2_connection.h"
#include "bench/watch/process_usage.h"

enum {
    NS_PER_US = 1000,
    EVENTS = 64,
    OUTSTANDING = 64,         // calls of the preparation at once
    SETTLE_US = 1000 * 1000,  // before memory is looked at
    OPENING = 500,            // watches at once
    LONGEST_WAIT_US = 100000, // between two looks at the clock
};

struct engine;

struct watcher {
    struct h2_call call; // first
    struct engine *engine;
    size_t number;
    bool is_ready;
};

// A call with one reply: of the preparation, or a change.
struct unary {
    struct h2_call call; // first
    struct engine *engine;
    size_t number; // of the group, or the change
    struct unary *next_free;
    struct unary *next; // of all
};

struct line {
    struct h2_connection *connection;
    bool wants_write; // as epoll was told
};

struct engine {
    const struct watch_options *options;
    const struct watch_api *api;
    struct watch_report *report;
    struct arena *arena; // of the error and the tokens
    const struct error *error;
    int epoll;
    int timer;
    struct line changing; // the connection of all calls but the watches
    struct line *lines;
    struct watcher *watchers;
    const char **tokens; // one a group
    struct unary *free_calls;
    struct unary *calls; // all
    int64_t now_ns;      // when the bytes that are looked at were read
    size_t ready;        // watchers
    size_t started;      // calls of the current step
    size_t replied;
    bool is_changing;
    struct strbuf scratch;
};

static int64_t clock_ns(clockid_t id) {
    struct timespec t;
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void fail(struct engine *e, const char *what, int status) {
    if (e->error == NULL) {
        e->error = error_new(e->arena, STATUS_UNAVAILABLE, REASON_NONE,
                             "%s ended with gRPC status %d (-1: none)", what, status);
    }
}

// --- connections ---

static void note_time(void *context) {
    struct engine *e = context;
    e->now_ns = clock_ns(CLOCK_MONOTONIC);
}

static void look_for_room(struct engine *e, struct line *line) {
    bool is_blocked = h2_connection_is_blocked(line->connection);
    if (is_blocked != line->wants_write) {
        line->wants_write = is_blocked;
        struct epoll_event event = {.events = EPOLLIN | (is_blocked ? EPOLLOUT : 0),
                                    .data.ptr = line};
        (void)epoll_ctl(e->epoll, EPOLL_CTL_MOD, h2_connection_fd(line->connection), &event);
    }
}

static void flush(struct engine *e, struct line *line) {
    if (!h2_connection_flush(line->connection)) {
        fail(e, "a connection", -1);
    }
    look_for_room(e, line);
}

static bool connect_line(struct engine *e, struct line *line) {
    int fd = connect_to(&e->options->server);
    if (fd < 0) {
        e->error = error_new(e->arena, STATUS_UNAVAILABLE, REASON_NONE, "cannot connect to %s",
                             e->options->server.text);
        return false;
    }
    line->connection = h2_connection_new(fd);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = line};
    CHECK(epoll_ctl(e->epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    flush(e, line);
    return true;
}

// Serves what comes, for at most wait_us or until the timer fires.
static void turn(struct engine *e, int64_t wait_us) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(e->epoll, events, EVENTS, (int)(wait_us / 1000));
    for (int i = 0; i < count; i++) {
        struct line *line = events[i].data.ptr;
        if (line == NULL) {
            uint64_t fired;
            (void)!read(e->timer, &fired, sizeof(fired));
            continue;
        }
        if ((events[i].events & ~(unsigned)EPOLLOUT) != 0 &&
            !h2_connection_read(line->connection, note_time, e)) {
            fail(e, "a connection", -1);
            (void)epoll_ctl(e->epoll, EPOLL_CTL_DEL, h2_connection_fd(line->connection), NULL);
            continue;
        }
        flush(e, line);
    }
}

// Turns until *count is at least wanted. Fails if nothing comes for too long.
static void turn_until(struct engine *e, const size_t *count, size_t wanted, const char *what) {
    int64_t since_ns = clock_ns(CLOCK_MONOTONIC);
    size_t before = *count;
    while (e->error == NULL && *count < wanted) {
        turn(e, LONGEST_WAIT_US);
        int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
        if (*count != before) {
            before = *count;
            since_ns = now_ns;
        } else if (now_ns - since_ns > e->options->patience_us * NS_PER_US) {
            e->error = error_new(e->arena, STATUS_DEADLINE_EXCEEDED, REASON_NONE,
                                 "%zu of %zu %s, and no more", *count, wanted, what);
        }
    }
}

static void turn_for(struct engine *e, int64_t us) {
    int64_t until_ns = clock_ns(CLOCK_MONOTONIC) + us * NS_PER_US;
    int64_t left_ns;
    while (e->error == NULL && (left_ns = until_ns - clock_ns(CLOCK_MONOTONIC)) > 0) {
        turn(e,
             left_ns / NS_PER_US < LONGEST_WAIT_US ? left_ns / NS_PER_US + 1000 : LONGEST_WAIT_US);
    }
}

// --- calls with one reply ---

static void ignore_reply(struct h2_call *call, struct slice message) {
    (void)call;
    (void)message;
}

static void take_token(struct h2_call *call, struct slice message) {
    struct unary *u = CONTAINER_OF(call, struct unary, call);
    u->engine->tokens[u->number] =
        arena_cstr(u->engine->arena, u->engine->api->read_token(message));
}

static void end_unary(struct h2_call *call, int status) {
    struct unary *u = CONTAINER_OF(call, struct unary, call);
    struct engine *e = u->engine;
    e->replied++;
    if (!e->is_changing) {
        if (status != 0) {
            fail(e, "a call of the preparation", status);
        }
    } else if (status == 0) {
        delivery_book_acked(&e->report->book, u->number, e->now_ns);
    } else {
        e->report->failed_changes++;
    }
    u->next_free = e->free_calls;
    e->free_calls = u;
}

// The request is in scratch.
static void start_unary(struct engine *e, size_t number, const char *path, const char *token,
                        void (*message)(struct h2_call *call, struct slice message)) {
    struct unary *u = e->free_calls;
    if (u != NULL) {
        e->free_calls = u->next_free;
    } else {
        u = mem_zalloc(sizeof(*u));
        u->engine = e;
        u->next = e->calls;
        e->calls = u;
    }
    u->number = number;
    u->call.message = message;
    u->call.ended = end_unary;
    h2_connection_call(e->changing.connection, &u->call, path, token, strbuf_slice(&e->scratch));
    e->started++;
}

// --- the preparation ---

static const char *token_of(const struct engine *e, size_t number) {
    return e->tokens[number % e->options->groups];
}

static void start_enrolment(struct engine *e, size_t group) {
    e->scratch.len = 0;
    e->api->enroll(&e->scratch, group);
    start_unary(e, group, e->api->enroll_path, e->options->token, take_token);
}

static void start_preparation(struct engine *e, size_t change) {
    e->scratch.len = 0;
    e->api->prepare(&e->scratch, change % e->options->groups, change);
    start_unary(e, change, e->api->prepare_path, token_of(e, change), ignore_reply);
}

// Makes count calls, some at once.
static void make_calls(struct engine *e, size_t count,
                       void (*start)(struct engine *e, size_t number), const char *what) {
    e->started = 0;
    e->replied = 0;
    while (e->error == NULL && e->replied < count) {
        while (e->started < count && e->started - e->replied < OUTSTANDING) {
            start(e, e->started);
        }
        flush(e, &e->changing);
        turn_until(e, &e->replied, e->replied + 1, what);
    }
}

// --- watches ---

static void set_ready(struct watcher *w) {
    w->engine->ready += !w->is_ready;
    w->is_ready = true;
}

static void take_head(struct h2_call *call) {
    struct watcher *w = CONTAINER_OF(call, struct watcher, call);
    if (w->engine->api->is_ready_at_head) {
        set_ready(w);
    }
}

static void take_event(void *context, struct watch_event event) {
    struct watcher *w = context;
    struct engine *e = w->engine;
    delivery_book_delivered(&e->report->book, w->number, event.change, event.position, e->now_ns);
}

static void take_message(struct h2_call *call, struct slice message) {
    struct watcher *w = CONTAINER_OF(call, struct watcher, call);
    set_ready(w);
    if (!w->engine->api->read(message, take_event, w)) {
        w->engine->report->unreadable++;
    }
}

static void end_watch(struct h2_call *call, int status) {
    struct watcher *w = CONTAINER_OF(call, struct watcher, call);
    struct engine *e = w->engine;
    if (!e->is_changing) {
        fail(e, "a watch", status);
    } else {
        e->report->ended++;
    }
}

static void open_watch(struct engine *e, size_t number) {
    struct watcher *w = &e->watchers[number];
    *w = (struct watcher){.engine = e, .number = number};
    w->call.stays_open = e->api->stays_open;
    w->call.head = take_head;
    w->call.message = take_message;
    w->call.ended = end_watch;
    e->scratch.len = 0;
    e->api->watch(&e->scratch, number % e->options->groups);
    struct line *line = &e->lines[number % e->options->connections];
    h2_connection_call(line->connection, &w->call, e->api->watch_path, token_of(e, number),
                       strbuf_slice(&e->scratch));
}

static void open_watches(struct engine *e) {
    const struct watch_options *o = e->options;
    int64_t began_ns = clock_ns(CLOCK_MONOTONIC);
    for (size_t at = 0; at < o->watchers && e->error == NULL;) {
        size_t end = o->watchers - at > OPENING ? at + OPENING : o->watchers;
        for (; at < end; at++) {
            open_watch(e, at);
        }
        for (size_t i = 0; i < o->connections; i++) {
            flush(e, &e->lines[i]);
        }
        turn_until(e, &e->ready, at, "watches were opened");
    }
    e->report->open_ns = clock_ns(CLOCK_MONOTONIC) - began_ns;
}

// --- changes ---

static void start_change(struct engine *e, size_t change) {
    e->scratch.len = 0;
    e->api->change(&e->scratch, change % e->options->groups, change);
    delivery_book_sent(&e->report->book, change, clock_ns(CLOCK_MONOTONIC));
    start_unary(e, change, e->api->change_path, token_of(e, change), ignore_reply);
}

static void set_timer(struct engine *e, int64_t at_ns) {
    const struct itimerspec when = {
        .it_value = {.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000}};
    CHECK(timerfd_settime(e->timer, TFD_TIMER_ABSTIME, &when, NULL) == 0);
}

static int64_t due_ns(const struct engine *e, int64_t began_ns, size_t change) {
    return began_ns + (int64_t)((double)change * 1e9 / e->options->changes_per_s);
}

static bool is_complete(const struct engine *e) {
    const struct delivery_book *book = &e->report->book;
    return e->replied == e->started && book->deliveries >= delivery_book_expected(book);
}

static void make_changes(struct engine *e) {
    const struct watch_options *o = e->options;
    e->started = 0;
    e->replied = 0;
    e->is_changing = true;
    int64_t began_ns = clock_ns(CLOCK_MONOTONIC);
    while (e->error == NULL && e->started < o->changes) {
        while (e->started < o->changes &&
               due_ns(e, began_ns, e->started) <= clock_ns(CLOCK_MONOTONIC)) {
            start_change(e, e->started);
        }
        flush(e, &e->changing);
        if (e->started < o->changes) {
            set_timer(e, due_ns(e, began_ns, e->started));
        }
        turn(e, LONGEST_WAIT_US);
    }
    int64_t until_ns = clock_ns(CLOCK_MONOTONIC) + o->patience_us * NS_PER_US;
    while (e->error == NULL && !is_complete(e) && clock_ns(CLOCK_MONOTONIC) < until_ns) {
        turn(e, LONGEST_WAIT_US);
    }
    e->report->elapsed_ns =
        (e->now_ns > e->report->book.last_delivery_ns ? e->now_ns
                                                      : e->report->book.last_delivery_ns) -
        began_ns;
    turn_for(e, LONGEST_WAIT_US); // for what comes twice
}

static void measure(struct engine *e) {
    struct watch_report *r = e->report;
    const struct watch_options *o = e->options;
    turn_for(e, SETTLE_US);
    r->rss_open_bytes = process_usage_rss_bytes(o->server_pid);
    int64_t server_ns = process_usage_cpu_ns(o->server_pid);
    int64_t own_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    make_changes(e);
    r->server_cpu_ns = process_usage_cpu_ns(o->server_pid) - server_ns;
    r->own_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own_ns;
    r->rss_after_bytes = process_usage_rss_bytes(o->server_pid);
}

// --- the whole ---

static void run(struct engine *e) {
    const struct watch_options *o = e->options;
    if (!connect_line(e, &e->changing)) {
        return;
    }
    if (e->api->enroll_path != NULL) {
        make_calls(e, o->groups, start_enrolment, "groups were enrolled");
    }
    if (e->api->prepare_path != NULL) {
        make_calls(e, o->changes, start_preparation, "changes were prepared");
    }
    for (size_t i = 0; i < o->connections && e->error == NULL; i++) {
        (void)connect_line(e, &e->lines[i]);
    }
    turn_for(e, SETTLE_US);
    e->report->rss_before_bytes = process_usage_rss_bytes(o->server_pid);
    open_watches(e);
    if (e->error == NULL) {
        measure(e);
    }
}

static void release(struct engine *e) {
    h2_connection_free(e->changing.connection);
    for (size_t i = 0; i < e->options->connections; i++) {
        h2_connection_free(e->lines[i].connection);
    }
    for (size_t i = 0; i < e->options->watchers; i++) {
        h2_call_release(&e->watchers[i].call);
    }
    while (e->calls != NULL) {
        struct unary *next = e->calls->next;
        h2_call_release(&e->calls->call);
        free(e->calls);
        e->calls = next;
    }
    free(e->lines);
    free(e->watchers);
    free((void *)e->tokens);
    strbuf_release(&e->scratch);
    (void)close(e->timer);
    (void)close(e->epoll);
}

const struct error *watch_engine_run(struct arena *a, const struct watch_options *options,
                                     struct watch_report *ret) {
    struct engine e = {.options = options, .api = options->api, .report = ret, .arena = a};
    delivery_book_init(&ret->book, options->groups, options->watchers, options->changes);
    e.epoll = epoll_create1(EPOLL_CLOEXEC);
    e.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    CHECK(e.epoll >= 0 && e.timer >= 0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    CHECK(epoll_ctl(e.epoll, EPOLL_CTL_ADD, e.timer, &event) == 0);
    e.lines = mem_zalloc(options->connections * sizeof(*e.lines) + 1);
    e.watchers = mem_zalloc(options->watchers * sizeof(*e.watchers) + 1);
    e.tokens = mem_zalloc(options->groups * sizeof(*e.tokens));
    run(&e);
    release(&e);
    return e.error;
}
