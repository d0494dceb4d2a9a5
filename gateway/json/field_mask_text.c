#include "gateway/json/field_mask_text.h"

#include <stddef.h>

static bool is_lower(uint8_t c) {
    return c >= 'a' && c <= 'z';
}

static bool is_upper(uint8_t c) {
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

bool field_mask_next(struct slice *text, struct slice *ret_path) {
    if (text->data == NULL) {
        return false;
    }
    bool quoted = false;
    for (size_t i = 0; i < text->len; i++) {
        uint8_t c = text->data[i];
        quoted ^= c == '`';
        if (c == ',' && !quoted) {
            *ret_path = slice_of(text->data, i);
            *text = slice_of(text->data + i + 1, text->len - i - 1);
            return true;
        }
    }
    *ret_path = *text;
    *text = SLICE_EMPTY;
    return true;
}

// The length of the step that begins at from, without the dot behind it; 0 for what is none.
static size_t step_length(struct slice path, size_t from) {
    const uint8_t *p = path.data + from;
    size_t rest = path.len - from;
    size_t n = 0;
    if (rest > 0 && p[0] == '`') {
        for (n = 1; n < rest; n++) {
            if (p[n] != '`') {
                continue;
            }
            if (n + 1 == rest || p[n + 1] != '`') {
                n++;
                return n == rest || p[n] == '.' ? n : 0;
            }
            n++;
        }
        return 0;
    }
    while (n < rest && p[n] != '.') {
        n++;
    }
    return n;
}

// Whether a step is taken as it is: "*", "`key`", "-7".
static bool is_literal(struct slice step) {
    if (step.data[0] == '`' || (step.len == 1 && step.data[0] == '*')) {
        return true;
    }
    if (step.len < 2 || step.data[0] != '-') {
        return false;
    }
    for (size_t i = 1; i < step.len; i++) {
        if (!is_digit(step.data[i])) {
            return false;
        }
    }
    return true;
}

static bool name_to_json(struct slice name, enum field_mask_spelling spelling, struct strbuf *out) {
    (void)spelling; // JSON has one
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        if (c == '_') {
            if (i + 1 == name.len || !is_lower(name.data[i + 1])) {
                return false;
            }
            strbuf_append_byte(out, (uint8_t)(name.data[++i] - 'a' + 'A'));
        } else if (is_lower(c) || is_digit(c)) {
            strbuf_append_byte(out, c);
        } else {
            return false;
        }
    }
    return true;
}

static bool name_from_json(struct slice name, enum field_mask_spelling spelling,
                           struct strbuf *out) {
    bool has_upper = false;
    bool has_underscore = false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        if (is_upper(c)) {
            has_upper = true;
            strbuf_append_byte(out, '_');
            strbuf_append_byte(out, (uint8_t)(c - 'A' + 'a'));
        } else if (is_lower(c) || is_digit(c) || c == '_') {
            has_underscore |= c == '_';
            strbuf_append_byte(out, c);
        } else {
            return false;
        }
    }
    return !has_underscore || (spelling == FIELD_MASK_EITHER && !has_upper);
}

// Converts each step of a path by its name.
static bool convert(struct slice path,
                    bool (*name)(struct slice name, enum field_mask_spelling spelling,
                                 struct strbuf *out),
                    enum field_mask_spelling spelling, struct strbuf *out) {
    for (size_t at = 0;; at++) {
        size_t n = step_length(path, at);
        if (n == 0) {
            return false;
        }
        struct slice step = slice_of(path.data + at, n);
        if (is_literal(step)) {
            strbuf_append_slice(out, step);
        } else if (!name(step, spelling, out)) {
            return false;
        }
        at += n;
        if (at == path.len) {
            return true;
        }
        strbuf_append_byte(out, '.');
    }
}

bool field_mask_path_to_json(struct slice path, struct strbuf *out) {
    return convert(path, name_to_json, FIELD_MASK_EITHER, out);
}

bool field_mask_path_from_json(struct slice text, enum field_mask_spelling spelling,
                               struct strbuf *out) {
    return convert(text, name_from_json, spelling, out);
}
