#include "gateway/edge/trace_context.h"

#include <string.h>

enum {
    MEMBERS_MOST = 32,
    KEY_MOST = 256,
    VALUE_MOST = 256,
    TENANT_MOST = 241,
    SYSTEM_MOST = 14,
};

// --- traceparent ---

bool trace_context_parent_is_valid(struct slice value) {
    struct trace_parent parent;
    return trace_parent_read(value, &parent);
}

// --- tracestate ---

// A part of a key: small letters, digits and _ - * /, of which the first may be a
// letter, or a digit if that is allowed.
static bool is_key_part(struct slice s, bool digit_first, size_t most) {
    if (s.len == 0 || s.len > most) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        bool is_letter = c >= 'a' && c <= 'z';
        bool is_digit = c >= '0' && c <= '9';
        bool is_mark = c == '_' || c == '-' || c == '*' || c == '/';
        if (!is_letter && !(is_digit && (i > 0 || digit_first)) && !(is_mark && i > 0)) {
            return false;
        }
    }
    return true;
}

// key = simple / tenant "@" system
static bool is_key(struct slice key) {
    const uint8_t *at = key.len > 0 ? memchr(key.data, '@', key.len) : NULL;
    if (at == NULL) {
        return is_key_part(key, false, KEY_MOST);
    }
    size_t n = (size_t)(at - key.data);
    return is_key_part(slice_of(key.data, n), true, TENANT_MOST) &&
           is_key_part(slice_of(at + 1, key.len - n - 1), false, SYSTEM_MOST);
}

// The member's blanks at its end are gone; what is left is not empty.
static bool is_value(struct slice value) {
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < 0x20 || value.data[i] > 0x7E || value.data[i] == '=') {
            return false;
        }
    }
    return value.len > 0 && value.len <= VALUE_MOST;
}

bool trace_context_state_is_valid(struct slice value) {
    struct slice keys[MEMBERS_MOST];
    size_t count = 0;
    while (value.len > 0) {
        struct slice member = header_take_until(&value, ',');
        if (member.len == 0) {
            continue;
        }
        const uint8_t *equals = memchr(member.data, '=', member.len);
        if (equals == NULL || count == MEMBERS_MOST) {
            return false;
        }
        struct slice key = slice_of(member.data, (size_t)(equals - member.data));
        if (!is_key(key) || !is_value(slice_of(equals + 1, member.len - key.len - 1))) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            if (slice_equal(keys[i], key)) {
                return false;
            }
        }
        keys[count++] = key;
    }
    return count > 0;
}

// All tracestate headers as one list, in their order, a space for each tab: metadata
// must not have tabs.
static struct slice joined_state(struct arena *a, struct http_headers headers) {
    size_t size = 0;
    for (size_t i = 0; i < headers.count; i++) {
        if (header_equal(headers.items[i].name, "tracestate")) {
            size += headers.items[i].value.len + 1;
        }
    }
    uint8_t *joined = arena_alloc(a, size);
    size_t at = 0;
    for (size_t i = 0; i < headers.count; i++) {
        struct slice value = headers.items[i].value;
        if (!header_equal(headers.items[i].name, "tracestate") || value.len == 0) {
            continue;
        }
        if (at > 0) {
            joined[at++] = ',';
        }
        for (size_t n = 0; n < value.len; n++) {
            joined[at++] = value.data[n] == '\t' ? ' ' : value.data[n];
        }
    }
    return slice_of(joined, at);
}

bool trace_context_parent(struct http_headers headers, struct slice *ret_text,
                          struct trace_parent *ret) {
    const struct http_header *parent = header_find(headers, "traceparent");
    if (parent == NULL || !trace_parent_read(parent->value, ret)) {
        return false;
    }
    for (const struct http_header *h = parent + 1; h < headers.items + headers.count; h++) {
        if (header_equal(h->name, "traceparent")) {
            return false;
        }
    }
    *ret_text = parent->value;
    return true;
}

struct trace_context trace_context_read(struct arena *a, struct http_headers headers) {
    struct trace_context context = {SLICE_EMPTY, SLICE_EMPTY};
    struct trace_parent parent;
    if (!trace_context_parent(headers, &context.parent, &parent)) {
        return context;
    }
    struct slice state = joined_state(a, headers);
    if (trace_context_state_is_valid(state)) {
        context.state = state;
    }
    return context;
}
