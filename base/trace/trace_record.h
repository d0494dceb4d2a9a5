#ifndef RUNSD_BASE_TRACE_TRACE_RECORD_H
#define RUNSD_BASE_TRACE_TRACE_RECORD_H

#include "base/trace/trace_span.h"

// What a span is made of, for those who make and export it.

struct tracer;

struct trace_attribute {
    const char *key;
    bool is_text;
    uint16_t text_at;
    uint16_t text_len;
    int64_t number;
};

struct trace_span {
    struct tracer *tracer;
    enum trace_scope scope;
    struct trace_parent own;
    uint8_t parent_id[TRACE_SPAN_ID_BYTES];
    bool has_parent;
    bool has_remote_parent; // of another process
    bool is_failed;
    int64_t begin_us; // clock_monotonic_us
    int64_t start_us; // the same by the time of day
    int64_t end_us;   // likewise
    uint16_t name_at, name_len;
    uint16_t state_at, state_len; // tracestate
    uint16_t text_len;
    int attribute_count;
    unsigned dropped_attributes;
    struct trace_attribute attributes[TRACE_MOST_ATTRIBUTES];
    char text[TRACE_TEXT_BYTES];
};

// Makes one, of which all but the ids and times is unset.
struct trace_span *trace_record_new(enum trace_scope scope);

// Keeps the tracestate, if it is short enough and printable ASCII.
void trace_record_set_state(struct trace_span *span, struct slice state);

static inline struct slice trace_record_text(const struct trace_span *span, uint16_t at,
                                             uint16_t len) {
    return slice_of(span->text + at, len);
}

#endif
