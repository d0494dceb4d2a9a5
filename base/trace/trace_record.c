#include "base/trace/trace_record.h"

#include <string.h>

#include "base/core/memory.h"
#include "base/core/utf8.h"
#include "base/log/log_mask.h"

struct trace_span *trace_record_new(enum trace_scope scope) {
    struct trace_span *span = mem_alloc(sizeof(*span));
    // Neither the texts nor the attributes, which are counted.
    memset(span, 0, offsetof(struct trace_span, attributes));
    span->scope = scope;
    return span;
}

// Appends as much of text as fits before the text at end, as UTF-8 with whole characters.
static void append(struct trace_span *span, struct slice text, size_t end) {
    size_t i = 0;
    while (i < text.len) {
        size_t n = utf8_sequence_length(text.data + i, text.len - i);
        const void *from = n > 0 ? (const void *)(text.data + i) : "\xEF\xBF\xBD"; // U+FFFD
        size_t length = n > 0 ? n : 3;
        if (length > end - span->text_len) {
            return;
        }
        memcpy(span->text + span->text_len, from, length);
        span->text_len = (uint16_t)(span->text_len + length);
        i += n > 0 ? n : 1;
    }
}

void trace_record_set_state(struct trace_span *span, struct slice state) {
    if (state.len > TRACE_LONGEST_STATE ||
        state.len > (size_t)(TRACE_TEXT_BYTES - span->text_len)) {
        return;
    }
    for (size_t i = 0; i < state.len; i++) {
        if (state.data[i] < 0x20 || state.data[i] > 0x7E) {
            return;
        }
    }
    span->state_at = span->text_len;
    append(span, state, TRACE_TEXT_BYTES);
    span->state_len = (uint16_t)state.len;
}

// Where a text that begins now ends at the latest.
static size_t end_of_text(const struct trace_span *span) {
    size_t end = span->text_len + (size_t)TRACE_LONGEST_TEXT;
    return end < TRACE_TEXT_BYTES ? end : TRACE_TEXT_BYTES;
}

void trace_span_name(struct trace_span *span, struct slice before, struct slice name) {
    if (span == NULL) {
        return;
    }
    span->name_at = span->text_len;
    size_t end = end_of_text(span);
    append(span, before, end);
    append(span, name, end);
    span->name_len = (uint16_t)(span->text_len - span->name_at);
}

static struct trace_attribute *add(struct trace_span *span, const char *key) {
    if (span->attribute_count == TRACE_MOST_ATTRIBUTES) {
        span->dropped_attributes++;
        return NULL;
    }
    struct trace_attribute *attribute = &span->attributes[span->attribute_count++];
    *attribute = (struct trace_attribute){.key = key};
    return attribute;
}

void trace_span_own_text(struct trace_span *span, const char *key, struct slice value) {
    struct trace_attribute *attribute = span != NULL ? add(span, key) : NULL;
    if (attribute != NULL) {
        attribute->is_text = true;
        attribute->text_at = span->text_len;
        append(span, value, end_of_text(span));
        attribute->text_len = (uint16_t)(span->text_len - attribute->text_at);
    }
}

void trace_span_text(struct trace_span *span, const char *key, struct slice value) {
    if (span == NULL) {
        return;
    }
    char masked[LOG_MASK_SPACE];
    size_t most = LOG_MASK_LONGEST;
    size_t n = log_mask(slice_of(value.data, value.len < most ? value.len : most), masked);
    trace_span_own_text(span, key, n > 0 ? slice_of(masked, n) : value);
}

void trace_span_int(struct trace_span *span, const char *key, int64_t value) {
    struct trace_attribute *attribute = span != NULL ? add(span, key) : NULL;
    if (attribute != NULL) {
        attribute->number = value;
    }
}

void trace_span_fail(struct trace_span *span) {
    if (span != NULL) {
        span->is_failed = true;
    }
}

const struct trace_parent *trace_span_own(const struct trace_span *span) {
    return span != NULL ? &span->own : NULL;
}
