#include "base/core/json_escape.h"
#include "base/core/utf8.h"
#include "gateway/json/json_writer.h"

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

// Whether one of eight bytes is beyond ASCII, a control character, a quote or a
// backslash. Exact up to the first such byte, which is all that is asked.
static inline bool has_special(uint64_t word) {
    uint64_t quote = word ^ EACH_BYTE('"');
    uint64_t backslash = word ^ EACH_BYTE('\\');
    uint64_t low = word - EACH_BYTE(0x20);
    return ((word | low | (quote - EACH_BYTE(1)) | (backslash - EACH_BYTE(1))) & EACH_BYTE(0x80)) !=
           0;
}

bool json_put_string(struct json_writer *w, struct slice text) {
    const uint8_t *p = text.data;
    const uint8_t *end = p + text.len;
    // An escape takes six bytes; room for the rest, the quote and one word.
    enum { SLACK = 16 };
    uint8_t *out = json_reserve(w, text.len + SLACK);
    *out++ = '"';
    while (p < end) {
        while (end - p >= 8) {
            uint64_t word;
            memcpy(&word, p, 8);
            if (has_special(word)) {
                break;
            }
            memcpy(out, &word, 8);
            p += 8;
            out += 8;
        }
        while (p < end && json_escape_is_plain(*p)) {
            *out++ = *p++;
        }
        while (p < end && *p >= 0x80) {
            size_t n = utf8_sequence_length(p, (size_t)(end - p));
            if (n == 0) {
                return json_writer_fail(w, "a string is no valid UTF-8");
            }
            for (size_t i = 0; i < n; i++) {
                *out++ = *p++;
            }
        }
        if (p < end && !json_escape_is_plain(*p) && *p < 0x80) {
            out += json_escape_put(*p++, out);
            w->out->len = (size_t)(out - w->out->data);
            out = json_reserve(w, (size_t)(end - p) + SLACK);
        }
    }
    *out++ = '"';
    w->out->len = (size_t)(out - w->out->data);
    return true;
}

// How many bytes one U+FFFD stands for: as many as begin a well-formed sequence, or one
// (Unicode 3.9, "maximal subpart"). p[0..n) begins with no well-formed sequence.
static size_t invalid_length(const uint8_t *p, size_t n) {
    uint8_t c = p[0];
    if (c < 0xE0 || c > 0xF4 || n < 2) {
        return 1; // of a sequence of two bytes one is all that can begin it
    }
    uint8_t low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    uint8_t high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high) {
        return 1;
    }
    return c >= 0xF0 && n > 2 && (p[2] & 0xC0) == 0x80 ? 3 : 2;
}

struct slice json_any_text(struct arena *a, struct slice text) {
    if (utf8_valid(text)) {
        return text;
    }
    struct strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < text.len;) {
        size_t n = utf8_sequence_length(text.data + i, text.len - i);
        if (n > 0) {
            strbuf_append(&out, text.data + i, n);
        } else {
            strbuf_append_cstr(&out, "\xEF\xBF\xBD");
            n = invalid_length(text.data + i, text.len - i);
        }
        i += n;
    }
    struct slice valid = arena_copy(a, strbuf_slice(&out));
    strbuf_release(&out);
    return valid;
}

bool json_put_any_string(struct json_writer *w, struct slice text) {
    size_t before = w->out->len;
    if (json_put_string(w, text)) {
        return true;
    }
    w->out->len = before;
    w->fault = NULL;
    return json_put_string(w, json_any_text(w->arena, text));
}
