#ifndef RUNSD_GATEWAY_HTTP_HTTP_METRICS_H
#define RUNSD_GATEWAY_HTTP_HTTP_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/core/reason.h"
#include "base/core/slice.h"
#include "base/metrics/metrics.h"
#include "gateway/options.h"

// What the HTTP side counts about itself (docs/METRICS.md). Requests and refusals are counted when
// they are over. What there is of something at the moment, the HTTP thread puts down at the end of
// each of its turns, from where whoever looks takes it without keeping the thread waiting.
//
// Used on the HTTP thread but where it says otherwise. NULL stands for metrics at which nobody
// looks.

struct http_metrics;

enum { HTTP_STATES = 9 }; // of enum exchange_state

// What there is of something.
enum http_level {
    HTTP_LEVEL_CONNECTIONS,
    HTTP_LEVEL_ACCEPTED, // connections so far
    HTTP_LEVEL_CALLS,
    HTTP_LEVEL_CALLS_WAITING, // of these
    HTTP_LEVEL_STREAMS,
    HTTP_LEVEL_ANONYMOUS_STREAMS,
    HTTP_LEVEL_BUFFERED_BYTES,
    HTTP_LEVEL_STATES, // requests in the first state, and so on
    HTTP_LEVEL_COUNT = HTTP_LEVEL_STATES + HTTP_STATES,
};

struct http_levels {
    atomic_llong items[HTTP_LEVEL_COUNT];
};

// Why there was no room for a request.
enum http_refusal {
    HTTP_REFUSAL_NONE,
    HTTP_REFUSAL_CALLS,
    HTTP_REFUSAL_STREAMS,
    HTTP_REFUSAL_ANONYMOUS_STREAMS,
    HTTP_REFUSAL_BUFFERED_BYTES,
    HTTP_REFUSAL_COUNT,
};

// A request that is over.
struct http_outcome {
    const char *route; // its template; NULL: it has none
    struct slice method;
    int http_status;
    enum reason reason;
    bool has_other_reason; // one of the upstream's own
    bool is_stream;
    enum http_refusal refusal;
    int64_t duration_us;
    uint64_t request_bytes; // of bodies
    uint64_t response_bytes;
};

// Adds the families. NULL if metrics is.
struct http_metrics *http_metrics_new(struct metrics *metrics, const struct gateway_limits *limits);

// Takes back what would be looked at; the families stay, with what was counted.
void http_metrics_free(struct http_metrics *m);

// The levels, to be set.
struct http_levels *http_metrics_levels(struct http_metrics *m);

static inline void http_levels_set(struct http_levels *levels, enum http_level level,
                                   int64_t value) {
    atomic_store_explicit(&levels->items[level], value, memory_order_relaxed);
}

void http_metrics_count(struct http_metrics *m, const struct http_outcome *outcome);

// What counts the messages of a route's streams; on any thread.
struct metrics_child *http_metrics_stream_messages(struct http_metrics *m, const char *route);

#endif
