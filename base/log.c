#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "base/timestamp.h"

enum { LONGEST_TEXT = 2048 };

const char *const log_level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error", NULL,
};

// What runsd's bearer tokens begin with (server/auth/token.h). Masked wherever it
// turns up: callers put tokens into URLs, ids and what not.
static const char token_prefix[] = "rst_";

static bool is_token_character(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static void append_text(struct strbuf *b, struct slice text) {
    const size_t n = sizeof(token_prefix) - 1;
    const uint8_t *at = text.len == 0 ? NULL : memmem(text.data, text.len, token_prefix, n);
    if (at == NULL) {
        strbuf_append_json_string(b, text);
        return;
    }
    struct strbuf masked = STRBUF_INIT;
    const uint8_t *end = text.data + text.len;
    const uint8_t *p = text.data;
    while (at != NULL) {
        strbuf_append(&masked, p, (size_t)(at - p) + n);
        strbuf_append_cstr(&masked, "***");
        for (p = at + n; p < end && is_token_character(*p);) {
            p++;
        }
        at = p == end ? NULL : memmem(p, (size_t)(end - p), token_prefix, n);
    }
    strbuf_append(&masked, p, (size_t)(end - p));
    strbuf_append_json_string(b, strbuf_slice(&masked));
    strbuf_release(&masked);
}

static void append_field(struct strbuf *b, const struct log_field *f) {
    strbuf_append_byte(b, ',');
    strbuf_append_json_string(b, slice_of_cstr(f->key));
    strbuf_append_byte(b, ':');
    switch (f->type) {
    case LOG_FIELD_TEXT: {
        struct slice text = f->text;
        if (text.len > LONGEST_TEXT) {
            text.len = LONGEST_TEXT;
        }
        append_text(b, text);
        break;
    }
    case LOG_FIELD_INT:
        strbuf_printf(b, "%lld", (long long)f->number);
        break;
    case LOG_FIELD_BOOL:
        strbuf_append_cstr(b, f->number != 0 ? "true" : "false");
        break;
    }
}

void log_write(const struct logger *l, enum log_level level, const char *message,
               const struct log_field *fields, int count) {
    if (!log_enabled(l, level)) {
        return;
    }
    char time[TIMESTAMP_TEXT_SIZE];
    timestamp_format_us(clock_now_us(&clock_system), time);
    struct strbuf b = STRBUF_INIT;
    strbuf_printf(&b, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":", time,
                  log_level_names[level]);
    strbuf_append_json_string(&b, slice_of_cstr(l->program));
    strbuf_append_cstr(&b, ",\"message\":");
    strbuf_append_json_string(&b, slice_of_cstr(message));
    for (int i = 0; i < count; i++) {
        append_field(&b, &fields[i]);
    }
    strbuf_append_cstr(&b, "}\n");
    // A log that cannot be written has nowhere to say so.
    ssize_t written = write(l->fd, b.data, b.len);
    (void)written;
    strbuf_release(&b);
}
