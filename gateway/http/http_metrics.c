#include "gateway/http/http_metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/memory.h"

// --- the families ---

enum family {
    REQUESTS,
    REQUEST_SECONDS,
    REQUEST_BYTES,
    RESPONSE_BYTES,
    STREAM_SECONDS,
    STREAM_MESSAGES,
    REFUSALS,
    IN_PROGRESS,
    CONNECTIONS,
    ACCEPTED,
    CONNECTIONS_LIMIT,
    CALLS,
    CALLS_WAITING,
    CALLS_LIMIT,
    STREAMS,
    STREAMS_LIMIT,
    BUFFERED,
    BUFFERED_LIMIT,
    FAMILY_COUNT,
};

// 1 s to an hour: streams last as long as their clients stay.
static const int64_t stream_bounds_us[] = {
    1000000, 10000000, 60000000, 300000000, 900000000, 3600000000,
};

static const struct metrics_info infos[] = {
    [REQUESTS] = {.name = "runsd_http_requests",
                  .help = "Requests that are over; code 499: the client left before its reply",
                  .kind = METRICS_COUNTER,
                  .labels = {"route", "method", "code", "reason"}},
    [REQUEST_SECONDS] = {.name = "runsd_http_request_duration_seconds",
                         .unit = "seconds",
                         .help = "From a request's first line until its reply was sent; no streams",
                         .kind = METRICS_HISTOGRAM,
                         .per_unit = 1000000,
                         .labels = {"route"},
                         .bounds = metrics_request_bounds_us,
                         .bound_count = METRICS_REQUEST_BOUNDS},
    [REQUEST_BYTES] = {.name = "runsd_http_request_body_bytes",
                       .unit = "bytes",
                       .help = "Bytes of requests' bodies, as they were sent",
                       .kind = METRICS_COUNTER},
    [RESPONSE_BYTES] = {.name = "runsd_http_response_body_bytes",
                        .unit = "bytes",
                        .help = "Bytes of replies' bodies, as they were sent",
                        .kind = METRICS_COUNTER},
    [STREAM_SECONDS] = {.name = "runsd_http_stream_duration_seconds",
                        .unit = "seconds",
                        .help = "How long streams of replies have lasted that are over",
                        .kind = METRICS_HISTOGRAM,
                        .per_unit = 1000000,
                        .labels = {"route"},
                        .bounds = stream_bounds_us,
                        .bound_count = sizeof(stream_bounds_us) / sizeof(stream_bounds_us[0])},
    [STREAM_MESSAGES] = {.name = "runsd_http_stream_messages",
                         .help = "Messages of streams that were taken to be sent",
                         .kind = METRICS_COUNTER,
                         .labels = {"route"}},
    [REFUSALS] = {.name = "runsd_http_refusals",
                  .help = "Requests that were refused for want of room, by what was full",
                  .kind = METRICS_COUNTER,
                  .labels = {"cause"}},
    [IN_PROGRESS] = {.name = "runsd_http_requests_in_progress",
                     .help = "Requests that are not over, by what they wait for",
                     .kind = METRICS_GAUGE,
                     .labels = {"state"}},
    [CONNECTIONS] = {.name = "runsd_http_connections",
                     .help = "Connections of HTTP that are open",
                     .kind = METRICS_GAUGE},
    [ACCEPTED] = {.name = "runsd_http_connections_accepted",
                  .help = "Connections of HTTP that were accepted",
                  .kind = METRICS_COUNTER},
    [CONNECTIONS_LIMIT] = {.name = "runsd_http_connections_limit",
                           .help = "How many may be open; more wait to be accepted",
                           .kind = METRICS_GAUGE},
    [CALLS] = {.name = "runsd_http_calls",
               .help = "Calls behind requests that are under way, without streams",
               .kind = METRICS_GAUGE},
    [CALLS_WAITING] = {.name = "runsd_http_calls_waiting",
                       .help = "Of the calls under way, those not yet with the server",
                       .kind = METRICS_GAUGE},
    [CALLS_LIMIT] = {.name = "runsd_http_calls_limit",
                     .help = "How many calls may be under way; more are refused",
                     .kind = METRICS_GAUGE},
    [STREAMS] = {.name = "runsd_http_streams",
                 .help = "Streams and calls that wait by themselves, which are open",
                 .kind = METRICS_GAUGE,
                 .labels = {"caller"}},
    [STREAMS_LIMIT] = {.name = "runsd_http_streams_limit",
                       .help = "How many may be open; more are refused",
                       .kind = METRICS_GAUGE,
                       .labels = {"caller"}},
    [BUFFERED] = {.name = "runsd_http_buffered_bytes",
                  .unit = "bytes",
                  .help = "Bytes that requests hold of the budget for bodies, messages and replies",
                  .kind = METRICS_GAUGE},
    [BUFFERED_LIMIT] = {.name = "runsd_http_buffered_limit_bytes",
                        .unit = "bytes",
                        .help = "How many may be held; more requests wait, then are refused",
                        .kind = METRICS_GAUGE},
};

// --- the object ---

// How often requests of a route had one outcome.
struct counted {
    const char *method; // by its address
    int http_status;
    enum reason reason;
    bool has_other_reason;
    struct metrics_child *child;
    struct counted *next;
};

struct route {
    char *text;
    struct metrics_child *duration;
    struct metrics_child *stream_duration;
    struct metrics_child *messages;
    struct counted *counted;
    struct route *next;
};

enum { PLACES = 256 }; // of routes, by the address of their text

struct http_metrics {
    struct metrics *metrics;
    struct gateway_limits limits;
    struct http_levels levels;
    struct metrics_family *families[FAMILY_COUNT];
    struct metrics_child *request_bytes;
    struct metrics_child *response_bytes;
    struct metrics_child *refusals[HTTP_REFUSAL_COUNT];
    struct route *routes;
    struct route *places[PLACES];
};

static const char *const states[HTTP_STATES] = {
    "head", "asking", "waiting", "body", "calling", "refused", "looking", "streaming", "answered",
};

static const char *const causes[HTTP_REFUSAL_COUNT] = {
    [HTTP_REFUSAL_CALLS] = "calls",
    [HTTP_REFUSAL_STREAMS] = "streams",
    [HTTP_REFUSAL_ANONYMOUS_STREAMS] = "anonymous_streams",
    [HTTP_REFUSAL_BUFFERED_BYTES] = "buffered_bytes",
};

// --- what is looked at ---

static void collect(struct metrics_collection *collection, const struct http_metrics *m,
                    enum family family, const char *value, double number) {
    const char *const values[] = {value};
    metrics_collect(collection, m->families[family], value == NULL ? NULL : values, number);
}

static double level(const struct http_metrics *m, int which) {
    return (double)atomic_load_explicit(&m->levels.items[which], memory_order_relaxed);
}

// On the thread of whoever looks.
static void visit(void *context, struct metrics_collection *c) {
    static const char token[] = "token";
    static const char anonymous[] = "anonymous";
    const struct http_metrics *m = context;
    const struct gateway_limits *limits = &m->limits;
    collect(c, m, CONNECTIONS, NULL, level(m, HTTP_LEVEL_CONNECTIONS));
    collect(c, m, ACCEPTED, NULL, level(m, HTTP_LEVEL_ACCEPTED));
    collect(c, m, CONNECTIONS_LIMIT, NULL, limits->connections);
    collect(c, m, CALLS, NULL, level(m, HTTP_LEVEL_CALLS));
    collect(c, m, CALLS_WAITING, NULL, level(m, HTTP_LEVEL_CALLS_WAITING));
    collect(c, m, CALLS_LIMIT, NULL, limits->calls_in_flight);
    collect(c, m, STREAMS, token, level(m, HTTP_LEVEL_STREAMS));
    collect(c, m, STREAMS, anonymous, level(m, HTTP_LEVEL_ANONYMOUS_STREAMS));
    collect(c, m, STREAMS_LIMIT, token, limits->streams);
    collect(c, m, STREAMS_LIMIT, anonymous, limits->anonymous_streams);
    collect(c, m, BUFFERED, NULL, level(m, HTTP_LEVEL_BUFFERED_BYTES));
    collect(c, m, BUFFERED_LIMIT, NULL, (double)limits->buffered_bytes);
    for (int i = 0; i < HTTP_STATES; i++) {
        collect(c, m, IN_PROGRESS, states[i], level(m, HTTP_LEVEL_STATES + i));
    }
}

struct http_metrics *http_metrics_new(struct metrics *metrics,
                                      const struct gateway_limits *limits) {
    if (metrics == NULL) {
        return NULL;
    }
    struct http_metrics *m = mem_zalloc(sizeof(*m));
    m->metrics = metrics;
    m->limits = *limits;
    for (int i = 0; i < FAMILY_COUNT; i++) {
        m->families[i] = metrics_add_family(metrics, &infos[i]);
    }
    m->request_bytes = metrics_child(m->families[REQUEST_BYTES], NULL);
    m->response_bytes = metrics_child(m->families[RESPONSE_BYTES], NULL);
    // All of them, so that a first refusal is seen to come.
    for (int i = HTTP_REFUSAL_NONE + 1; i < HTTP_REFUSAL_COUNT; i++) {
        m->refusals[i] = metrics_child(m->families[REFUSALS], &causes[i]);
    }
    metrics_add_collector(metrics, visit, m);
    return m;
}

void http_metrics_free(struct http_metrics *m) {
    if (m == NULL) {
        return;
    }
    metrics_remove_collectors(m->metrics, m);
    for (struct route *route = m->routes; route != NULL;) {
        for (struct counted *counted = route->counted; counted != NULL;) {
            struct counted *next = counted->next;
            free(counted);
            counted = next;
        }
        struct route *next = route->next;
        free(route->text);
        free(route);
        route = next;
    }
    free(m);
}

struct http_levels *http_metrics_levels(struct http_metrics *m) {
    return m == NULL ? NULL : &m->levels;
}

// --- counting ---

static struct route *add_route(struct http_metrics *m, const char *text) {
    struct route *route = m->routes;
    while (route != NULL && strcmp(route->text, text) != 0) {
        route = route->next;
    }
    if (route == NULL) {
        route = mem_zalloc(sizeof(*route));
        route->text = mem_strdup(text);
        route->next = m->routes;
        m->routes = route;
    }
    return route;
}

// A text's address tells the route at once, unless other descriptors have taken the place of
// those that it was of.
static struct route *route_of(struct http_metrics *m, const char *text) {
    static const char none[] = "none";
    text = text != NULL ? text : none;
    size_t place = ((uintptr_t)text >> 3) % PLACES;
    struct route *route = m->places[place];
    if (route == NULL || strcmp(route->text, text) != 0) {
        route = add_route(m, text);
        m->places[place] = route;
    }
    return route;
}

// One of a few, so that clients do not choose it.
static const char *method_of(struct slice method) {
    static const struct {
        struct slice name;
        const char *text;
    } names[] = {
#define NAME(text_) {{(const uint8_t *)(text_), sizeof(text_) - 1}, (text_)}
        NAME("POST"), NAME("GET"),     NAME("HEAD"),  NAME("DELETE"),
        NAME("PUT"),  NAME("OPTIONS"), NAME("PATCH"),
#undef NAME
    };
    static const char other[] = "other";
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_equal(method, names[i].name)) {
            return names[i].text;
        }
    }
    return other;
}

static const char *reason_of(const struct http_outcome *outcome) {
    return outcome->reason != REASON_NONE ? reason_name(outcome->reason)
           : outcome->has_other_reason    ? "other"
                                          : "";
}

static struct counted *add_counted(struct http_metrics *m, struct route *route,
                                   const struct http_outcome *outcome, const char *method) {
    char code[12];
    snprintf(code, sizeof(code), "%d", outcome->http_status);
    const char *const values[] = {route->text, method, code, reason_of(outcome)};
    struct counted *counted = mem_zalloc(sizeof(*counted));
    counted->method = method;
    counted->http_status = outcome->http_status;
    counted->reason = outcome->reason;
    counted->has_other_reason = outcome->has_other_reason;
    counted->child = metrics_child(m->families[REQUESTS], values);
    counted->next = route->counted;
    route->counted = counted;
    return counted;
}

static struct counted *counted_of(struct http_metrics *m, struct route *route,
                                  const struct http_outcome *outcome) {
    const char *method = method_of(outcome->method);
    for (struct counted *c = route->counted; c != NULL; c = c->next) {
        if (c->http_status == outcome->http_status && c->reason == outcome->reason &&
            c->method == method && c->has_other_reason == outcome->has_other_reason) {
            return c;
        }
    }
    return add_counted(m, route, outcome, method);
}

static struct metrics_child *of_route(struct metrics_child **place, struct metrics_family *family,
                                      const struct route *route) {
    if (*place == NULL) {
        const char *const values[] = {route->text};
        *place = metrics_child(family, values);
    }
    return *place;
}

void http_metrics_count(struct http_metrics *m, const struct http_outcome *outcome) {
    if (m == NULL) {
        return;
    }
    struct route *route = route_of(m, outcome->route);
    metrics_counter_add(counted_of(m, route, outcome)->child, 1);
    metrics_histogram_observe(
        outcome->is_stream ? of_route(&route->stream_duration, m->families[STREAM_SECONDS], route)
                           : of_route(&route->duration, m->families[REQUEST_SECONDS], route),
        outcome->duration_us);
    metrics_counter_add(m->request_bytes, (int64_t)outcome->request_bytes);
    metrics_counter_add(m->response_bytes, (int64_t)outcome->response_bytes);
    metrics_counter_add(m->refusals[outcome->refusal], 1); // of NONE there is none
}

struct metrics_child *http_metrics_stream_messages(struct http_metrics *m, const char *route) {
    if (m == NULL) {
        return NULL;
    }
    struct route *found = route_of(m, route);
    return of_route(&found->messages, m->families[STREAM_MESSAGES], found);
}
