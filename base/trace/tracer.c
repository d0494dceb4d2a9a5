#include "base/trace/tracer.h"

#include <stdlib.h>
#include <string.h>

#include "base/core/build_info.h"
#include "base/core/clock.h"
#include "base/core/memory.h"
#include "base/core/random_id.h"
#include "base/core/request_id.h"
#include "base/trace/trace_export.h"
#include "base/trace/trace_record.h"
#include "base/trace/trace_ring.h"

struct tracer {
    struct trace_sampler sampler;
    char instance_id[UUID_TEXT_SIZE];
    struct trace_ring ring;
    struct trace_export *export;
};

// --- ids ---

// An id is not zero (W3C Trace Context section 3.2.2).
static void make_id(uint8_t *ret_id, size_t count) {
    random_id_bytes(ret_id, count);
    uint8_t any = 0;
    for (size_t i = 0; i < count; i++) {
        any |= ret_id[i];
    }
    ret_id[0] |= any == 0 ? 1 : 0;
}

// --- start and stop ---

static void release(struct tracer *t) {
    trace_ring_destroy(&t->ring);
    free(t);
}

const struct error *tracer_start(struct arena *a, const struct logger *log, const char *program,
                                 const struct trace_settings *settings, struct tracer **ret) {
    *ret = NULL;
    if (settings->endpoint == NULL) {
        return NULL;
    }
    struct tracer *t = mem_zalloc(sizeof(*t));
    t->sampler = settings->sampler;
    uuid_make(t->instance_id);
    trace_ring_init(&t->ring);
    const struct trace_export_options options = {
        .log = log,
        .settings = settings,
        .resource = {program, build_info.version, t->instance_id},
        .ring = &t->ring,
    };
    const struct error *error = trace_export_start(a, &options, &t->export);
    if (error != NULL) {
        release(t);
        return error;
    }
    *ret = t;
    return NULL;
}

void tracer_stop(struct tracer *t) {
    if (t == NULL) {
        return;
    }
    if (trace_export_stop(t->export)) {
        release(t);
    }
}

// --- spans ---

static struct trace_span *begin(struct tracer *t, enum trace_scope scope, int64_t begin_us) {
    struct trace_span *span = trace_record_new(scope);
    span->tracer = t;
    span->begin_us = begin_us;
    span->start_us = clock_now_us(&clock_system) - (clock_monotonic_us() - begin_us);
    make_id(span->own.span_id, TRACE_SPAN_ID_BYTES);
    span->own.flags = TRACE_FLAG_SAMPLED;
    return span;
}

static void set_parent(struct trace_span *span, const struct trace_parent *parent) {
    memcpy(span->own.trace_id, parent->trace_id, TRACE_ID_BYTES);
    memcpy(span->parent_id, parent->span_id, TRACE_SPAN_ID_BYTES);
    span->has_parent = true;
}

// The first call of a trace.
static struct trace_span *begin_trace(struct tracer *t, enum trace_scope scope, int64_t begin_us,
                                      struct trace_parent *ret_own) {
    uint8_t trace_id[TRACE_ID_BYTES];
    make_id(trace_id, sizeof(trace_id));
    if (trace_sampler_takes(t->sampler, trace_id)) {
        struct trace_span *span = begin(t, scope, begin_us);
        memcpy(span->own.trace_id, trace_id, TRACE_ID_BYTES);
        if (ret_own != NULL) {
            *ret_own = span->own;
        }
        return span;
    }
    if (ret_own != NULL) {
        memcpy(ret_own->trace_id, trace_id, TRACE_ID_BYTES);
        make_id(ret_own->span_id, TRACE_SPAN_ID_BYTES);
        ret_own->flags = 0;
    }
    return NULL;
}

struct trace_span *tracer_begin(struct tracer *t, enum trace_scope scope,
                                const struct trace_call *call, struct trace_parent *ret_own) {
    if (call->parent == NULL) {
        return begin_trace(t, scope, call->begin_us, ret_own);
    }
    struct trace_span *span = NULL;
    if (trace_parent_is_sampled(call->parent)) {
        span = begin(t, scope, call->begin_us);
        set_parent(span, call->parent);
        span->has_remote_parent = call->is_remote;
        trace_record_set_state(span, call->state);
    }
    if (ret_own != NULL) {
        *ret_own = span != NULL ? span->own : *call->parent;
    }
    return span;
}

struct trace_span *tracer_begin_child(const struct trace_span *parent, enum trace_scope scope,
                                      int64_t begin_us) {
    if (parent == NULL) {
        return NULL;
    }
    struct trace_span *span = begin(parent->tracer, scope, begin_us);
    set_parent(span, &parent->own);
    trace_record_set_state(span, trace_record_text(parent, parent->state_at, parent->state_len));
    return span;
}

void trace_span_end(struct trace_span *span, int64_t end_us) {
    if (span != NULL) {
        span->end_us = span->start_us + (end_us - span->begin_us);
        trace_ring_put(&span->tracer->ring, span);
    }
}
