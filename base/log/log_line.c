#include "base/log/log_line.h"

#include "base/core/clock.h"
#include "base/core/json_escape.h"
#include "base/core/timestamp.h"
#include "base/core/utf8.h"
#include "base/log/log_mask.h"

const char *const log_level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error", NULL,
};

static const char cut_text[] = "[cut]";
static const char cut_line[] = ",\"cut\":true";

// A line that grows to its limit.
struct line {
    char *data;
    size_t len;
    size_t limit; // room for the end is left behind it
    bool is_cut;
};

static void put(struct line *l, const char *text, size_t n) {
    memcpy(l->data + l->len, text, n);
    l->len += n;
}

static void put_cstr(struct line *l, const char *text) {
    put(l, text, strlen(text));
}

// --- texts, as JSON strings (RFC 8259) ---

// Writes the JSON escape of the character at p[0..n), which is *ret_taken bytes long, and
// returns the escape's length; 0 if the character needs none.
static size_t escape(const uint8_t *p, size_t n, uint8_t ret[JSON_ESCAPE_LONGEST],
                     size_t *ret_taken) {
    uint8_t c = p[0];
    *ret_taken = 1;
    if (c >= 0x80) {
        size_t length = utf8_sequence_length(p, n);
        if (length == 0) {
            memcpy(ret, "\xEF\xBF\xBD", 3); // U+FFFD
            return 3;
        }
        *ret_taken = length;
        return 0;
    }
    return json_escape_put(c, ret);
}

// The text's characters, as far as they fit before limit; returns whether all did.
static bool put_characters(struct line *l, struct slice text, size_t limit) {
    size_t i = 0;
    while (i < text.len) {
        size_t start = i;
        while (i < text.len && json_escape_is_plain(text.data[i])) {
            i++;
        }
        size_t room = limit - l->len;
        put(l, (const char *)text.data + start, i - start < room ? i - start : room);
        if (i == text.len || i - start > room) {
            return i - start <= room;
        }
        uint8_t escaped[JSON_ESCAPE_LONGEST];
        size_t taken;
        size_t n = escape(text.data + i, text.len - i, escaped, &taken);
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

// is_all: text is the whole one, not its head.
static void put_text(struct line *l, struct slice text, bool is_all) {
    put_cstr(l, "\"");
    size_t limit = l->limit - 1 - (sizeof(cut_text) - 1);
    if (limit > l->len + LOG_LONGEST_TEXT) {
        limit = l->len + LOG_LONGEST_TEXT;
    }
    if (!put_characters(l, text, limit) || !is_all) {
        put_cstr(l, cut_text);
    }
    put_cstr(l, "\"");
}

static void put_masked(struct line *l, struct slice text) {
    char masked[LOG_MASK_SPACE];
    // Text beyond what masking examines is not logged.
    bool is_all = text.len <= LOG_MASK_LONGEST;
    text.len = is_all ? text.len : LOG_MASK_LONGEST;
    size_t n = log_mask(text, masked);
    put_text(l, n > 0 ? slice_of(masked, n) : text, is_all);
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
    put(l, ",\"", 2);
    put(l, f->key, key);
    put(l, "\":", 2);
    switch (f->type) {
    case LOG_FIELD_TEXT:
        put_masked(l, f->text);
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

size_t log_line_format(const char *program, enum log_level level, const char *message,
                       const struct log_field *fields, int count, char ret_line[LOG_LONGEST_LINE]) {
    struct line l = {ret_line, 0, LOG_LONGEST_LINE - sizeof(cut_line) - 2, false};
    char time[TIMESTAMP_TEXT_SIZE];
    timestamp_format_us(clock_now_us(&clock_system), time);
    put_cstr(&l, "{\"time\":\"");
    put_cstr(&l, time);
    put_cstr(&l, "\",\"level\":\"");
    put_cstr(&l, log_level_names[level]);
    put_cstr(&l, "\",\"program\":");
    put_text(&l, slice_of_cstr(program), true);
    put_cstr(&l, ",\"message\":");
    put_masked(&l, slice_of_cstr(message));
    for (int i = 0; i < count; i++) {
        put_field(&l, &fields[i]);
    }
    if (l.is_cut) {
        put_cstr(&l, cut_line);
    }
    put(&l, "}\n", 2);
    return l.len;
}
