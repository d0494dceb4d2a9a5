#include "base/log/log_line.h"

#include "base/core/clock.h"
#include "base/core/json_escape.h"
#include "base/core/timestamp.h"
#include "base/core/utf8.h"
#include "base/log/log_mask.h"

const char *const log_level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error", NULL,
};

const char *const log_format_names[] = {
    [LOG_FORMAT_JSON] = "json",
    [LOG_FORMAT_TEXT] = "text",
    NULL,
};

static const char cut_text[] = "[cut]";
static const char cut_line[] = ",\"cut\":true"; // the longer of both formats'

// A line that grows to its limit.
struct line {
    char *data;
    size_t len;
    size_t limit; // room for the end is left behind it
    bool is_cut;
    bool is_json;
};

static void put(struct line *l, const char *text, size_t n) {
    memcpy(l->data + l->len, text, n);
    l->len += n;
}

static void put_cstr(struct line *l, const char *text) {
    put(l, text, strlen(text));
}

// --- texts, as JSON strings (RFC 8259) ---

// Whether what a terminal or an editor shows would be changed by the character, which is two or
// three bytes of UTF-8: C1's controls (U+0080 to U+009F), marks of direction (U+061C, U+200E,
// U+200F, U+202A to U+202E, U+2066 to U+2069), separators of lines (U+2028, U+2029).
static bool is_unseen(uint32_t c) {
    return (c >= 0x80 && c <= 0x9F) || c == 0x61C || c == 0x200E || c == 0x200F ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

static size_t escape_code(uint32_t c, uint8_t ret[JSON_ESCAPE_LONGEST]) {
    ret[0] = '\\';
    ret[1] = 'u';
    for (int i = 0; i < 4; i++) {
        ret[2 + i] = (uint8_t)hex_digit((unsigned)(c >> (12 - 4 * i)) & 0xF);
    }
    return JSON_ESCAPE_LONGEST;
}

// Writes the JSON escape of the character at p[0..n), which is *ret_taken bytes long, and
// returns the escape's length; 0 if the character needs none.
static size_t escape(const struct line *l, const uint8_t *p, size_t n,
                     uint8_t ret[JSON_ESCAPE_LONGEST], size_t *ret_taken) {
    uint8_t c = p[0];
    *ret_taken = 1;
    if (c < 0x80) {
        return !l->is_json && c == 0x7F ? escape_code(c, ret) : json_escape_put(c, ret);
    }
    size_t length = utf8_sequence_length(p, n);
    if (length == 0) {
        memcpy(ret, "\xEF\xBF\xBD", 3); // U+FFFD
        return 3;
    }
    *ret_taken = length;
    if (l->is_json || length > 3) {
        return 0;
    }
    uint32_t code = length == 2 ? (c & 0x1FU) << 6 | (p[1] & 0x3FU)
                                : (c & 0xFU) << 12 | (p[1] & 0x3FU) << 6 | (p[2] & 0x3FU);
    return is_unseen(code) ? escape_code(code, ret) : 0;
}

// Whether the character stands as it is; others may.
static bool is_plain(const struct line *l, uint8_t c) {
    return json_escape_is_plain(c) && (l->is_json || c != 0x7F);
}

// The text's characters, as far as they fit before limit; returns whether all did.
static bool put_characters(struct line *l, struct slice text, size_t limit) {
    size_t i = 0;
    while (i < text.len) {
        size_t start = i;
        while (i < text.len && is_plain(l, text.data[i])) {
            i++;
        }
        size_t room = limit - l->len;
        put(l, (const char *)text.data + start, i - start < room ? i - start : room);
        if (i == text.len || i - start > room) {
            return i - start <= room;
        }
        uint8_t escaped[JSON_ESCAPE_LONGEST];
        size_t taken;
        size_t n = escape(l, text.data + i, text.len - i, escaped, &taken);
        if ((n != 0 ? n : taken) > limit - l->len) {
            return false;
        }
        if (n != 0) {
            put(l, (const char *)escaped, n);
        } else {
            put(l, (const char *)text.data + i, taken);
        }
        i += taken;
    }
    return true;
}

// Whether the text can be told from what is around it without quotes.
static bool is_word(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c <= 0x20 || c >= 0x7F || c == '"' || c == '\\' || c == '=') {
            return false;
        }
    }
    return text.len > 0;
}

// is_all: text is the whole one, not its head.
static void put_text_quoted(struct line *l, const char *quote, struct slice text, bool is_all) {
    put_cstr(l, quote);
    size_t limit = l->limit - 1 - (sizeof(cut_text) - 1);
    if (limit > l->len + LOG_LONGEST_TEXT) {
        limit = l->len + LOG_LONGEST_TEXT;
    }
    if (!put_characters(l, text, limit) || !is_all) {
        put_cstr(l, cut_text);
    }
    put_cstr(l, quote);
}

static void put_text(struct line *l, struct slice text, bool is_all) {
    put_text_quoted(l, l->is_json || !is_word(text) ? "\"" : "", text, is_all);
}

static void put_masked(struct line *l, struct slice text, bool is_message) {
    char masked[LOG_MASK_SPACE];
    // Text beyond what masking examines is not logged.
    bool is_all = text.len <= LOG_MASK_LONGEST;
    text.len = is_all ? text.len : LOG_MASK_LONGEST;
    size_t n = log_mask(text, masked);
    text = n > 0 ? slice_of(masked, n) : text;
    if (is_message && !l->is_json) {
        put_text_quoted(l, "", text, is_all);
    } else {
        put_text(l, text, is_all);
    }
}

// --- fields ---

static void put_number(struct line *l, int64_t value) {
    char digits[20];
    size_t n = sizeof(digits);
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do {
        digits[--n] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        put(l, "-", 1);
    }
    put(l, digits + n, sizeof(digits) - n);
}

// The least bytes that a field takes beside its key: , " " : and a number, or quotes
// around cut_text.
enum { FIELD_LEAST = 4 + 21 };

static void put_field(struct line *l, const struct log_field *f) {
    size_t key = strlen(f->key);
    if (l->is_cut || l->len + key + FIELD_LEAST > l->limit) {
        l->is_cut = true;
        return;
    }
    put_cstr(l, l->is_json ? ",\"" : " ");
    put(l, f->key, key);
    put_cstr(l, l->is_json ? "\":" : "=");
    switch (f->type) {
    case LOG_FIELD_TEXT:
        put_masked(l, f->text, false);
        break;
    case LOG_FIELD_OWN_TEXT:
        put_text(l, f->text, true);
        break;
    case LOG_FIELD_INT:
        put_number(l, f->number);
        break;
    case LOG_FIELD_BOOL:
        put_cstr(l, f->number != 0 ? "true" : "false");
        break;
    }
}

// What stands before the message, but for JSON's key.
static void put_head(struct line *l, enum log_format format, const char *program,
                     enum log_level level) {
    // syslog(3)'s: LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR, whose names are also ours.
    static const char *const priorities[] = {
        [LOG_DEBUG] = "<7>", [LOG_INFO] = "<6>", [LOG_WARN] = "<4>", [LOG_ERROR] = "<3>"};
    static const char *const levels[] = {[LOG_DEBUG] = " DEBUG ",
                                         [LOG_INFO] = " INFO  ",
                                         [LOG_WARN] = " WARN  ",
                                         [LOG_ERROR] = " ERROR "};
    if (format == LOG_FORMAT_JOURNAL) {
        put_cstr(l, priorities[level]);
        return;
    }
    char time[TIMESTAMP_TEXT_SIZE];
    timestamp_format_us(clock_now_us(&clock_system), time);
    if (format == LOG_FORMAT_TEXT) {
        put_cstr(l, time);
        put_cstr(l, levels[level]);
        put_cstr(l, program);
        put_cstr(l, ": ");
        return;
    }
    put_cstr(l, "{\"time\":\"");
    put_cstr(l, time);
    put_cstr(l, "\",\"level\":\"");
    put_cstr(l, log_level_names[level]);
    put_cstr(l, "\",\"program\":");
    put_text(l, slice_of_cstr(program), true);
}

size_t log_line_format(enum log_format format, const char *program, enum log_level level,
                       const char *message, const struct log_field *fields, int count,
                       char ret_line[LOG_LONGEST_LINE]) {
    struct line l = {ret_line, 0, LOG_LONGEST_LINE - sizeof(cut_line) - 2, false,
                     format == LOG_FORMAT_JSON};
    put_head(&l, format, program, level);
    if (l.is_json) {
        put_cstr(&l, ",\"message\":");
    }
    put_masked(&l, slice_of_cstr(message), true);
    for (int i = 0; i < count; i++) {
        put_field(&l, &fields[i]);
    }
    if (l.is_cut) {
        put_cstr(&l, l.is_json ? cut_line : " cut=true");
    }
    put_cstr(&l, l.is_json ? "}\n" : "\n");
    return l.len;
}
