#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/core/hex.h"
#include "base/core/utf8.h"
#include "gateway/json/json_number.h"
#include "gateway/json/json_reader.h"

uint8_t json_peek(struct json_reader *r) {
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r')) {
        r->p++;
    }
    return r->p < r->end ? *r->p : 0;
}

bool json_at_end(struct json_reader *r) {
    json_peek(r);
    return r->p == r->end;
}

static const char *describe_next(struct json_reader *r) {
    if (r->p == r->end) {
        return "the end of the text";
    }
    uint8_t c = *r->p;
    if (c > 0x20 && c < 0x7F) {
        return arena_printf(r->arena, "'%c'", c);
    }
    size_t n = utf8_sequence_length(r->p, (size_t)(r->end - r->p));
    if (n > 1) {
        return arena_printf(r->arena, "'%.*s'", (int)n, (const char *)r->p);
    }
    return arena_printf(r->arena, "byte 0x%02x", c);
}

bool json_fail_syntax(struct json_reader *r, const char *format, ...) {
    size_t line = 1;
    size_t column = 1;
    for (const uint8_t *p = r->start; p < r->p; p++) {
        if (*p == '\n') {
            line++;
            column = 1;
        } else if ((*p & 0xC0) != 0x80) {
            column++;
        }
    }
    va_list args;
    va_start(args, format);
    char why[256];
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    char *place = arena_printf(r->arena, "line %zu, column %zu", line, column);
    struct error *e = error_new(r->arena, STATUS_INVALID_ARGUMENT, REASON_BODY_INVALID,
                                "The body is no valid JSON: %s, %s.", place, why);
    error_add_violation(e, r->arena, place, "%s", why);
    r->error = e;
    return false;
}

static bool fail_due(struct json_reader *r, const char *due) {
    return json_fail_syntax(r, "expected %s, found %s", due, describe_next(r));
}

bool json_take(struct json_reader *r, char c, const char *due) {
    if (json_peek(r) != (uint8_t)c || r->p == r->end) {
        return fail_due(r, due);
    }
    r->p++;
    return true;
}

bool json_read_word(struct json_reader *r, const char *word) {
    json_peek(r);
    size_t n = strlen(word);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0) {
        return fail_due(r, "a value");
    }
    r->p += n;
    return true;
}

bool json_read_number(struct json_reader *r, struct slice *ret) {
    json_peek(r);
    struct slice rest = slice_of(r->p, (size_t)(r->end - r->p));
    size_t n = json_number_length(rest);
    if (n == 0) {
        return fail_due(r, "a value");
    }
    *ret = slice_of(r->p, n);
    r->p += n;
    // "01", "1.", "1e" and "1x" are no numbers.
    if (r->p < r->end) {
        uint8_t c = *r->p;
        if (c != ',' && c != ']' && c != '}' && c != ' ' && c != '\n' && c != '\t' && c != '\r') {
            return json_fail_syntax(r, "a number is malformed at %s", describe_next(r));
        }
    }
    return true;
}

// Reads the four digits behind "\u".
static bool read_unit(struct json_reader *r, uint32_t *ret) {
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = r->p < r->end ? hex_value(*r->p) : -1;
        if (digit < 0) {
            return fail_due(r, "four hex digits behind \\u");
        }
        unit = unit << 4 | (uint32_t)digit;
        r->p++;
    }
    *ret = unit;
    return true;
}

static uint8_t *put_code_point(uint8_t *out, uint32_t c) {
    if (c < 0x80) {
        *out++ = (uint8_t)c;
    } else if (c < 0x800) {
        *out++ = (uint8_t)(0xC0 | c >> 6);
        *out++ = (uint8_t)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *out++ = (uint8_t)(0xE0 | c >> 12);
        *out++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        *out++ = (uint8_t)(0x80 | (c & 0x3F));
    } else {
        *out++ = (uint8_t)(0xF0 | c >> 18);
        *out++ = (uint8_t)(0x80 | (c >> 12 & 0x3F));
        *out++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        *out++ = (uint8_t)(0x80 | (c & 0x3F));
    }
    return out;
}

// Reads what follows "\u", with the second half of a surrogate pair.
static bool read_unicode_escape(struct json_reader *r, uint8_t **out) {
    uint32_t c = 0;
    if (!read_unit(r, &c)) {
        return false;
    }
    if (c >= 0xDC00 && c < 0xE000) {
        return json_fail_syntax(r, "a low surrogate stands alone");
    }
    if (c >= 0xD800 && c < 0xDC00) {
        uint32_t low = 0;
        if (r->end - r->p < 2 || r->p[0] != '\\' || r->p[1] != 'u') {
            return json_fail_syntax(r, "a high surrogate stands alone");
        }
        r->p += 2;
        if (!read_unit(r, &low)) {
            return false;
        }
        if (low < 0xDC00 || low >= 0xE000) {
            return json_fail_syntax(r, "a high surrogate stands alone");
        }
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    *out = put_code_point(*out, c);
    return true;
}

static bool read_escape(struct json_reader *r, uint8_t **out) {
    static const char letters[] = "\"\\/bfnrt";
    static const char bytes[] = "\"\\/\b\f\n\r\t";
    r->p++;
    if (r->p < r->end && *r->p == 'u') {
        r->p++;
        return read_unicode_escape(r, out);
    }
    const char *letter = r->p < r->end && *r->p != 0 ? strchr(letters, *r->p) : NULL;
    if (letter == NULL) {
        return fail_due(r, "an escape");
    }
    *(*out)++ = (uint8_t)bytes[letter - letters];
    r->p++;
    return true;
}

// Skips bytes that need no decoding, up to a quote, a backslash or the first
// invalid byte.
static void pass_plain(struct json_reader *r) {
    const uint8_t *p = r->p;
    while (p < r->end) {
        uint8_t c = *p;
        if (c >= 0x80) {
            size_t n = utf8_sequence_length(p, (size_t)(r->end - p));
            if (n == 0) {
                break;
            }
            p += n;
        } else if (c < 0x20 || c == '"' || c == '\\') {
            break;
        } else {
            p++;
        }
    }
    r->p = p;
}

// Finds the end of the string that the reader is in: an upper bound for the
// room that decoding takes.
static size_t rest_of_string(const struct json_reader *r) {
    const uint8_t *p = r->p;
    while (p < r->end && *p != '"') {
        p += *p == '\\' && r->end - p > 1 ? 2 : 1;
    }
    return (size_t)(p - r->p);
}

bool json_read_string(struct json_reader *r, struct slice *ret) {
    if (!json_take(r, '"', "a string")) {
        return false;
    }
    const uint8_t *start = r->p;
    uint8_t *copy = NULL; // once there is an escape
    uint8_t *out = NULL;
    for (;;) {
        const uint8_t *from = r->p;
        pass_plain(r);
        if (copy != NULL) {
            memcpy(out, from, (size_t)(r->p - from));
            out += r->p - from;
        }
        if (r->p == r->end) {
            return json_fail_syntax(r, "a string has no end");
        }
        if (*r->p == '"') {
            break;
        }
        if (*r->p >= 0x80) {
            return json_fail_syntax(r, "a string is no valid UTF-8");
        }
        if (*r->p < 0x20) {
            return json_fail_syntax(r, "a control character (0x%02x) stands raw in a string",
                                    *r->p);
        }
        if (copy == NULL) {
            size_t before = (size_t)(r->p - start);
            copy = arena_alloc(r->arena, before + rest_of_string(r));
            memcpy(copy, start, before);
            out = copy + before;
        }
        if (!read_escape(r, &out)) {
            return false;
        }
    }
    *ret = copy == NULL ? slice_of(start, (size_t)(r->p - start))
                        : slice_of(copy, (size_t)(out - copy));
    r->p++;
    return true;
}

bool json_open(struct json_reader *r, char bracket, const struct json_path *path) {
    if (!json_take(r, bracket, bracket == '{' ? "'{'" : "'['")) {
        return false;
    }
    if (++r->depth > JSON_READ_DEPTH) {
        return json_fail_path(r, path, "objects and arrays are nested deeper than %d",
                              JSON_READ_DEPTH);
    }
    return true;
}

bool json_more(struct json_reader *r, char closing, bool *first, bool *ret_more) {
    uint8_t c = json_peek(r);
    if (r->p < r->end && c == (uint8_t)closing) {
        r->p++;
        r->depth--;
        *ret_more = false;
        return true;
    }
    if (!*first && !json_take(r, ',', closing == '}' ? "',' or '}'" : "',' or ']'")) {
        return false;
    }
    *first = false;
    *ret_more = true;
    return true;
}

bool json_read_key(struct json_reader *r, struct slice *ret) {
    json_peek(r);
    if (r->p == r->end || *r->p != '"') {
        return fail_due(r, "a key in quotes");
    }
    return json_read_string(r, ret) && json_take(r, ':', "':'");
}

bool json_skip_value(struct json_reader *r) {
    struct slice text;
    bool first = true;
    bool more;
    switch (json_peek(r)) {
    case '"':
        return json_read_string(r, &text);
    case 't':
        return json_read_word(r, "true");
    case 'f':
        return json_read_word(r, "false");
    case 'n':
        return json_read_word(r, "null");
    case '{':
        if (!json_open(r, '{', NULL)) {
            return false;
        }
        while (json_more(r, '}', &first, &more)) {
            if (!more) {
                return true;
            }
            if (!json_read_key(r, &text) || !json_skip_value(r)) {
                return false;
            }
        }
        return false;
    case '[':
        if (!json_open(r, '[', NULL)) {
            return false;
        }
        while (json_more(r, ']', &first, &more)) {
            if (!more) {
                return true;
            }
            if (!json_skip_value(r)) {
                return false;
            }
        }
        return false;
    default:
        return json_read_number(r, &text);
    }
}
