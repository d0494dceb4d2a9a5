#include "bench/load/http_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/core/memory.h"
#include "bench/load/connect.h"
#include "bench/load/http_response.h"

enum { EVENTS_PER_WAIT = 256, RECEIVE_BYTES = 65536 };

static const int64_t NS_PER_S = 1000000000;
// How often connections are looked through for replies that take too long.
static const int64_t TIMEOUT_CHECK_NS = 100000000;

struct connection {
    int fd; // -1: given up
    bool in_flight;
    int64_t due_ns;  // when the request in flight was due
    int64_t sent_ns; // when it was sent
    struct http_response response;
};

struct engine {
    const struct http_load_options *options;
    struct load_report *report;
    struct connection *connections;
    int *idle; // ring of indices, open loop
    size_t idle_head;
    size_t idle_count;
    int epoll_fd;
    int in_flight;
    int alive;
    uint64_t issued;
    uint64_t status_counts[600];
    int64_t start_ns;
    int64_t end_ns; // no request is due from here on
    int64_t now_ns; // refreshed once per wake-up and reply
    char *request;  // method, space, target, tail
    size_t method_len;
    char *tail; // " HTTP/1.1", Host and fields, then the end of the head or the name of last field
    size_t tail_len;
    char receive[RECEIVE_BYTES];
};

static const char end_of_head[] = "\r\n\r\n";

static int64_t clock_ns(clockid_t id) {
    struct timespec t;
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int64_t min_ns(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static void watch(struct engine *e, int index, int fd) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data = {.u32 = (uint32_t)index}};
    (void)epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

// Makes the connection anew. One that cannot be is given up.
static void reconnect(struct engine *e, int index) {
    struct connection *c = &e->connections[index];
    (void)close(c->fd);
    c->fd = connect_to(&e->options->server);
    if (c->fd < 0) {
        load_outcome_count(e->report->failures, "connect");
        e->alive--;
        return;
    }
    watch(e, index, c->fd);
}

// --- which request comes next, and when ---

static bool exhausted(const struct engine *e) {
    const struct http_load_options *o = e->options;
    return (o->count > 0 && e->issued >= o->count) ||
           (o->once && o->first_target + e->issued >= o->targets->count);
}

static int64_t due_ns(const struct engine *e, uint64_t number) {
    double rate = e->options->rate_per_s;
    return rate == 0 ? e->now_ns : e->start_ns + (int64_t)((double)number * 1e9 / rate);
}

// Whether a request remains to be sent, now or later.
static bool more_to_issue(const struct engine *e) {
    return !exhausted(e) && due_ns(e, e->issued) < e->end_ns;
}

// Whether requests have a last field that is another one in each.
static bool has_last_field(const struct http_load_options *o) {
    return o->keys || o->tokens != NULL;
}

static bool send_request(struct engine *e, const struct connection *c) {
    const struct http_load_options *o = e->options;
    size_t number = (o->first_target + e->issued) % o->targets->count;
    struct slice target = o->targets->lines[number];
    memcpy(e->request + e->method_len, target.data, target.len);
    memcpy(e->request + e->method_len + target.len, e->tail, e->tail_len);
    size_t len = e->method_len + target.len + e->tail_len;
    if (has_last_field(o)) {
        struct slice value = o->keys ? target : o->tokens->lines[number];
        memcpy(e->request + len, value.data, value.len);
        memcpy(e->request + len + value.len, end_of_head, strlen(end_of_head));
        len += value.len + strlen(end_of_head);
    }
    // An idle connection's socket buffer takes a whole request; if not, the
    // server does not read and the connection is of no use.
    return send(c->fd, e->request, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static void put_idle(struct engine *e, int index) {
    size_t size = (size_t)e->options->connections;
    e->idle[(e->idle_head + e->idle_count) % size] = index;
    e->idle_count++;
}

static void issue(struct engine *e, int index) {
    struct connection *c = &e->connections[index];
    c->due_ns = due_ns(e, e->issued);
    c->sent_ns = e->now_ns;
    http_response_begin(&c->response);
    bool sent = send_request(e, c);
    e->issued++;
    if (sent) {
        c->in_flight = true;
        e->in_flight++;
        return;
    }
    load_outcome_count(e->report->failures, "send");
    reconnect(e, index);
    if (c->fd >= 0) {
        put_idle(e, index);
    }
}

// Sends what is due on connections that are idle.
static void issue_due(struct engine *e) {
    while (e->idle_count > 0 && more_to_issue(e) && due_ns(e, e->issued) <= e->now_ns) {
        int index = e->idle[e->idle_head];
        e->idle_head = (e->idle_head + 1) % (size_t)e->options->connections;
        e->idle_count--;
        if (e->connections[index].fd >= 0) {
            issue(e, index);
        }
    }
}

// --- replies ---

// Ends the request in flight; failure names why there is no reply, or is NULL.
static void finish(struct engine *e, int index, const char *failure) {
    struct connection *c = &e->connections[index];
    c->in_flight = false;
    e->in_flight--;
    e->now_ns = clock_ns(CLOCK_MONOTONIC);
    if (failure != NULL) {
        load_outcome_count(e->report->failures, failure);
        reconnect(e, index);
    } else {
        e->status_counts[c->response.status]++;
        struct load_report *r = e->report;
        bool accepted = c->response.status < 300;
        histogram_record(accepted ? &r->accepted_ns : &r->other_ns,
                         (uint64_t)(e->now_ns - c->due_ns));
        if (accepted) {
            histogram_record(&r->accepted_since_sent_ns, (uint64_t)(e->now_ns - c->sent_ns));
        }
        e->report->elapsed_ns = e->now_ns - e->start_ns;
        if (!c->response.keep_alive) {
            reconnect(e, index);
        }
    }
    if (c->fd >= 0) {
        put_idle(e, index);
        issue_due(e);
    }
}

// Takes what arrived, or the end, on a connection that waits for nothing.
static void handle_unasked(struct engine *e, int index, ssize_t received) {
    if (received > 0) {
        load_outcome_count(e->report->failures, "malformed");
    }
    // It stays in the ring of idle ones, under the same index.
    reconnect(e, index);
}

// Takes what was received on a connection whose request is in flight.
static void handle_reply_bytes(struct engine *e, int index, size_t len) {
    size_t used;
    switch (http_response_feed(&e->connections[index].response, e->receive, len, &used)) {
    case HTTP_RESPONSE_MORE:
        return;
    case HTTP_RESPONSE_DONE:
        finish(e, index, used == len ? NULL : "malformed");
        return;
    case HTTP_RESPONSE_MALFORMED:
        finish(e, index, "malformed");
        return;
    }
}

// Reads until a short read has emptied the socket: with edge-triggered events
// there is no second notice, and the kernel need not look again.
static void handle_readable(struct engine *e, int index) {
    const struct connection *c = &e->connections[index];
    ssize_t received;
    do {
        if (c->fd < 0) {
            return;
        }
        received = recv(c->fd, e->receive, sizeof(e->receive), MSG_DONTWAIT);
        if (received < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (!c->in_flight) {
            handle_unasked(e, index, received);
        } else if (received <= 0) {
            finish(e, index, "closed");
        } else {
            handle_reply_bytes(e, index, (size_t)received);
        }
    } while (received == (ssize_t)sizeof(e->receive));
}

static void fail_late(struct engine *e) {
    for (int i = 0; i < e->options->connections; i++) {
        const struct connection *c = &e->connections[i];
        if (c->in_flight && e->now_ns - c->sent_ns > e->options->timeout_ns) {
            finish(e, i, "timeout");
        }
    }
}

// --- the loop ---

static void wait_ns(int64_t ns, struct timespec *ret) {
    ns = ns < 0 ? 0 : ns;
    *ret = (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}

static void loop(struct engine *e) {
    struct epoll_event events[EVENTS_PER_WAIT];
    int64_t next_check_ns = e->now_ns + TIMEOUT_CHECK_NS;
    while ((e->in_flight > 0 || more_to_issue(e)) && e->alive > 0) {
        int64_t wake_ns = next_check_ns;
        if (e->idle_count > 0 && more_to_issue(e)) {
            wake_ns = min_ns(wake_ns, due_ns(e, e->issued));
        }
        struct timespec timeout;
        wait_ns(wake_ns - e->now_ns, &timeout);
        int n = epoll_pwait2(e->epoll_fd, events, EVENTS_PER_WAIT, &timeout, NULL);
        e->now_ns = clock_ns(CLOCK_MONOTONIC);
        for (int i = 0; i < n; i++) {
            handle_readable(e, (int)events[i].data.u32);
        }
        issue_due(e);
        if (e->now_ns >= next_check_ns) {
            fail_late(e);
            next_check_ns = e->now_ns + TIMEOUT_CHECK_NS;
        }
        // The backlog of an open loop is sent late, but not forever.
        if (e->now_ns >= e->end_ns && e->now_ns - e->end_ns > e->options->timeout_ns) {
            break;
        }
    }
}

static const struct error *connect_all(struct arena *a, struct engine *e) {
    for (int i = 0; i < e->options->connections; i++) {
        struct connection *c = &e->connections[i];
        c->fd = connect_to(&e->options->server);
        if (c->fd < 0) {
            return error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "connection %d of %d to %s: %s",
                             i + 1, e->options->connections, e->options->server.text,
                             strerror(errno));
        }
        e->alive++;
        watch(e, i, c->fd);
        put_idle(e, i);
    }
    return NULL;
}

static void build_request(struct arena *a, struct engine *e) {
    const struct http_load_options *o = e->options;
    const struct address *s = &o->server;
    const char *host = s->kind == ADDRESS_TCP ? s->text : "localhost";
    const char *last = o->keys             ? "Idempotency-Key: "
                       : o->tokens != NULL ? "Authorization: Bearer "
                                           : "\r\n";
    e->tail = arena_printf(a, " HTTP/1.1\r\nHost: %s\r\n%.*s%s", host, SLICE_FMT(o->fields), last);
    e->tail_len = strlen(e->tail);
    e->request = arena_alloc(a, o->method.len + 1 + 2 * TARGET_MAX_BYTES + e->tail_len +
                                    strlen(end_of_head));
    memcpy(e->request, o->method.data, o->method.len);
    e->request[o->method.len] = ' ';
    e->method_len = o->method.len + 1;
}

// How many requests were due, or could have been sent, but were not.
static uint64_t count_unsent(const struct engine *e) {
    const struct http_load_options *o = e->options;
    if (o->rate_per_s == 0 || o->duration_ns == 0) {
        return 0;
    }
    uint64_t due = (uint64_t)((double)o->duration_ns / 1e9 * o->rate_per_s);
    if (o->count > 0 && due > o->count) {
        due = o->count;
    }
    if (o->once && due > o->targets->count - o->first_target) {
        due = o->targets->count - o->first_target;
    }
    return due > e->issued ? due - e->issued : 0;
}

static void fill_report(const struct engine *e, int64_t cpu_start_ns) {
    struct load_report *r = e->report;
    r->generator = "http_load";
    r->loop = e->options->rate_per_s > 0 ? "open" : "closed";
    r->connections = e->options->connections;
    r->intended_rate_per_s = e->options->rate_per_s;
    r->targets_used = e->issued;
    r->unanswered = count_unsent(e) + (uint64_t)e->in_flight;
    r->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_start_ns;
    histogram_add(&r->latency_ns, &r->accepted_ns);
    histogram_add(&r->latency_ns, &r->other_ns);
    int place = 0;
    for (int status = 0; status < 600 && place < LOAD_OUTCOMES_MAX; status++) {
        if (e->status_counts[status] > 0) {
            struct load_outcome *o = &r->answers[place++];
            (void)snprintf(o->name, sizeof(o->name), "%d", status);
            o->count = e->status_counts[status];
        }
    }
}

const struct error *http_load_run(struct arena *a, const struct http_load_options *options,
                                  struct load_report *ret) {
    size_t connections = (size_t)options->connections;
    struct engine *e = mem_zalloc(sizeof(*e));
    e->options = options;
    e->report = ret;
    e->connections = mem_zalloc(connections * sizeof(struct connection));
    e->idle = mem_alloc(connections * sizeof(int));
    e->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < connections; i++) {
        e->connections[i].fd = -1;
    }
    build_request(a, e);
    const struct error *error = connect_all(a, e);
    if (error == NULL) {
        int64_t cpu_start_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        e->start_ns = clock_ns(CLOCK_MONOTONIC);
        e->now_ns = e->start_ns;
        e->end_ns = options->duration_ns == 0 ? INT64_MAX : e->start_ns + options->duration_ns;
        issue_due(e);
        loop(e);
        fill_report(e, cpu_start_ns);
    }
    for (size_t i = 0; i < connections; i++) {
        if (e->connections[i].fd >= 0) {
            (void)close(e->connections[i].fd);
        }
    }
    (void)close(e->epoll_fd);
    free(e->idle);
    free(e->connections);
    free(e);
    return error;
}
