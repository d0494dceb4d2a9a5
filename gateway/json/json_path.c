#include <stdarg.h>
#include <stdio.h>

#include "base/core/utf8.h"
#include "gateway/json/json_reader.h"

enum { LONGEST_PATH = 512, LONGEST_KEY = 64 };

static bool is_plain_key(struct slice key) {
    for (size_t i = 0; i < key.len; i++) {
        uint8_t c = key.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == '-' || c == '@' || c == '$';
        if (!plain) {
            return false;
        }
    }
    return key.len > 0 && key.len <= LONGEST_KEY;
}

// A key as JSON spells it: ["a b"]; cut if it is long.
static void append_quoted(struct strbuf *b, struct slice key) {
    struct slice shown = utf8_cut(key, LONGEST_KEY);
    strbuf_append_byte(b, '[');
    strbuf_append_json_string(b, shown);
    strbuf_append_cstr(b, shown.len < key.len ? "...]" : "]");
}

static void append_path(struct strbuf *b, const struct json_path *path) {
    if (path == NULL) {
        return;
    }
    append_path(b, path->parent);
    if (path->key.data == NULL) {
        strbuf_printf(b, "[%zu]", path->index);
    } else if (is_plain_key(path->key)) {
        strbuf_printf(b, "%s%.*s", b->len == 0 ? "" : ".", SLICE_FMT(path->key));
    } else {
        append_quoted(b, path->key);
    }
}

static const char *path_text(struct arena *a, const struct json_path *path) {
    struct strbuf b = STRBUF_INIT;
    append_path(&b, path);
    const char *text = "body";
    if (b.len > LONGEST_PATH) {
        struct slice shown = utf8_cut(strbuf_slice(&b), LONGEST_PATH);
        text = arena_printf(a, "%.*s...", SLICE_FMT(shown));
    } else if (b.len > 0) {
        text = arena_cstr(a, strbuf_slice(&b));
    }
    strbuf_release(&b);
    return text;
}

bool json_fail_path(struct json_reader *r, const struct json_path *path, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char why[768];
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    const char *field = path_text(r->arena, path);
    struct error *e = error_new(
        r->arena, STATUS_INVALID_ARGUMENT, REASON_BODY_INVALID, "The body's %s is invalid: %s.",
        path == NULL ? "value" : arena_printf(r->arena, "\"%s\"", field), why);
    error_add_violation(e, r->arena, field, "%s", why);
    r->error = e;
    return false;
}
