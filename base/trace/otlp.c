#include "base/trace/otlp.h"

#include "base/core/wire.h"

// --- the request ---

// Field numbers of opentelemetry/proto.
enum { REQUEST_RESOURCE_SPANS = 1 };
enum { RESOURCE_SPANS_RESOURCE = 1, RESOURCE_SPANS_SCOPE_SPANS = 2 };
enum { RESOURCE_ATTRIBUTES = 1 };
enum { SCOPE_SPANS_SCOPE = 1, SCOPE_SPANS_SPANS = 2 };
enum { SCOPE_NAME = 1, SCOPE_VERSION = 2 };
enum {
    SPAN_TRACE_ID = 1,
    SPAN_SPAN_ID = 2,
    SPAN_TRACE_STATE = 3,
    SPAN_PARENT_SPAN_ID = 4,
    SPAN_NAME = 5,
    SPAN_KIND = 6,
    SPAN_START_TIME_UNIX_NANO = 7,
    SPAN_END_TIME_UNIX_NANO = 8,
    SPAN_ATTRIBUTES = 9,
    SPAN_DROPPED_ATTRIBUTES_COUNT = 10,
    SPAN_STATUS = 15,
    SPAN_FLAGS = 16,
};
enum { STATUS_CODE = 3, STATUS_CODE_ERROR = 2 };
enum { KEY_VALUE_KEY = 1, KEY_VALUE_VALUE = 2 };
enum { VALUE_STRING = 1, VALUE_INT = 3 };
// Of SpanKind.
enum { KIND_INTERNAL = 1, KIND_SERVER = 2 };
// Of SpanFlags, beside those of traceparent.
enum { FLAG_HAS_IS_REMOTE = 0x100, FLAG_IS_REMOTE = 0x200 };

enum { NS_PER_US = 1000 };

static const char *const scope_names[] = {
    [TRACE_GATEWAY] = "runsd.gateway",
    [TRACE_SERVER] = "runsd.server",
    [TRACE_STORE] = "runsd.store",
};

// Messages within messages, whose length stands before them: each is made in a buffer of its own,
// which is used again.
struct encoder {
    struct strbuf resource_spans;
    struct strbuf scope_spans;
    struct strbuf span;
    struct strbuf attribute;
    struct strbuf value;
};

static void put_text(struct strbuf *out, uint32_t number, const char *text) {
    wire_put_bytes(out, number, slice_of_cstr(text));
}

// Appends a message that was made in inner, and empties that.
static void put_message(struct strbuf *out, uint32_t number, struct strbuf *inner) {
    wire_put_bytes(out, number, strbuf_slice(inner));
    inner->len = 0;
}

// The value is in e->value.
static void put_key_value(struct encoder *e, struct strbuf *out, uint32_t number, const char *key) {
    put_text(&e->attribute, KEY_VALUE_KEY, key);
    put_message(&e->attribute, KEY_VALUE_VALUE, &e->value);
    put_message(out, number, &e->attribute);
}

static void put_attribute(struct encoder *e, const struct trace_span *span,
                          const struct trace_attribute *a) {
    if (a->is_text) {
        wire_put_bytes(&e->value, VALUE_STRING, trace_record_text(span, a->text_at, a->text_len));
    } else {
        wire_put_uint(&e->value, VALUE_INT, (uint64_t)a->number);
    }
    put_key_value(e, &e->span, SPAN_ATTRIBUTES, a->key);
}

static void put_span(struct encoder *e, const struct trace_span *s) {
    struct strbuf *b = &e->span;
    wire_put_bytes(b, SPAN_TRACE_ID, slice_of(s->own.trace_id, TRACE_ID_BYTES));
    wire_put_bytes(b, SPAN_SPAN_ID, slice_of(s->own.span_id, TRACE_SPAN_ID_BYTES));
    if (s->state_len > 0) {
        wire_put_bytes(b, SPAN_TRACE_STATE, trace_record_text(s, s->state_at, s->state_len));
    }
    if (s->has_parent) {
        wire_put_bytes(b, SPAN_PARENT_SPAN_ID, slice_of(s->parent_id, TRACE_SPAN_ID_BYTES));
    }
    wire_put_bytes(b, SPAN_NAME,
                   s->name_len > 0 ? trace_record_text(s, s->name_at, s->name_len)
                                   : slice_of_cstr(scope_names[s->scope]));
    wire_put_uint(b, SPAN_KIND, s->scope == TRACE_STORE ? KIND_INTERNAL : KIND_SERVER);
    wire_put_fixed64(b, SPAN_START_TIME_UNIX_NANO, (uint64_t)s->start_us * NS_PER_US);
    wire_put_fixed64(b, SPAN_END_TIME_UNIX_NANO, (uint64_t)s->end_us * NS_PER_US);
    for (int i = 0; i < s->attribute_count; i++) {
        put_attribute(e, s, &s->attributes[i]);
    }
    if (s->dropped_attributes > 0) {
        wire_put_uint(b, SPAN_DROPPED_ATTRIBUTES_COUNT, s->dropped_attributes);
    }
    if (s->is_failed) {
        wire_put_uint(&e->value, STATUS_CODE, STATUS_CODE_ERROR);
        put_message(b, SPAN_STATUS, &e->value);
    }
    wire_put_fixed32(b, SPAN_FLAGS,
                     TRACE_FLAG_SAMPLED | FLAG_HAS_IS_REMOTE |
                         (s->has_remote_parent ? FLAG_IS_REMOTE : 0U));
    put_message(&e->scope_spans, SCOPE_SPANS_SPANS, b);
}

// The spans of one scope; nothing if there are none.
static void put_scope(struct encoder *e, enum trace_scope scope, const char *version,
                      struct trace_span *const *spans, size_t count) {
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        if (spans[i]->scope != scope) {
            continue;
        }
        if (!any) {
            put_text(&e->value, SCOPE_NAME, scope_names[scope]);
            put_text(&e->value, SCOPE_VERSION, version);
            put_message(&e->scope_spans, SCOPE_SPANS_SCOPE, &e->value);
            any = true;
        }
        put_span(e, spans[i]);
    }
    if (any) {
        put_message(&e->resource_spans, RESOURCE_SPANS_SCOPE_SPANS, &e->scope_spans);
    }
}

static void put_resource(struct encoder *e, const struct otlp_resource *resource) {
    const char *const pairs[][2] = {
        {"service.name", resource->service_name},
        {"service.version", resource->service_version},
        {"service.instance.id", resource->instance_id},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        put_text(&e->value, VALUE_STRING, pairs[i][1]);
        put_key_value(e, &e->span, RESOURCE_ATTRIBUTES, pairs[i][0]);
    }
    put_message(&e->resource_spans, RESOURCE_SPANS_RESOURCE, &e->span);
}

void otlp_append_request(struct strbuf *out, const struct otlp_resource *resource,
                         struct trace_span *const *spans, size_t count) {
    struct encoder e = {.span = STRBUF_INIT};
    put_resource(&e, resource);
    for (int scope = 0; scope < TRACE_SCOPES; scope++) {
        put_scope(&e, (enum trace_scope)scope, resource->service_version, spans, count);
    }
    put_message(out, REQUEST_RESOURCE_SPANS, &e.resource_spans);
    strbuf_release(&e.resource_spans);
    strbuf_release(&e.scope_spans);
    strbuf_release(&e.span);
    strbuf_release(&e.attribute);
    strbuf_release(&e.value);
}

// --- the reply ---

int64_t otlp_read_rejected(struct slice response) {
    enum { PARTIAL_SUCCESS = 1, REJECTED_SPANS = 1 };
    struct wire_field partial;
    struct wire_field rejected;
    if (!wire_find_last(response, PARTIAL_SUCCESS, WIRE_BYTES, &partial) ||
        !wire_find_last(partial.bytes, REJECTED_SPANS, WIRE_VARINT, &rejected) ||
        rejected.value > INT64_MAX) {
        return 0;
    }
    return (int64_t)rejected.value;
}

// --- what to do next ---

static bool may_pass(int http_status) {
    switch (http_status) {
    case 0:
    case 429:
    case 502:
    case 503:
    case 504:
        return true;
    default:
        return false;
    }
}

enum otlp_verdict otlp_judge(const struct otlp_outcome *outcome, int attempt, uint32_t random,
                             int64_t *ret_wait_ms) {
    enum { FIRST_WAIT_MS = 1000 };
    if (outcome->http_status >= 200 && outcome->http_status < 300) {
        return OTLP_DONE;
    }
    if (!may_pass(outcome->http_status)) {
        return OTLP_DROP;
    }
    if (attempt >= OTLP_MOST_ATTEMPTS) {
        return OTLP_GIVE_UP;
    }
    int64_t wait_ms = outcome->retry_after_ms;
    if (wait_ms <= 0) {
        int64_t middle_ms = (int64_t)FIRST_WAIT_MS << (attempt - 1);
        wait_ms = middle_ms / 2 + (int64_t)(random % (uint64_t)(middle_ms + 1));
    }
    *ret_wait_ms = wait_ms < OTLP_LONGEST_WAIT_MS ? wait_ms : OTLP_LONGEST_WAIT_MS;
    return OTLP_RETRY;
}
