#include "server/domain/violations.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/core/strbuf.h"
#include "base/core/utf8.h"
#include "server/domain/message_nul.h"

enum { LONGEST_DESCRIPTION = 512, LONGEST_KEY = 100 };

// The text with \\u0000 for each MESSAGE_NUL, and without a character that was cut.
static const char *shown(struct arena *a, const char *text) {
    struct slice all = slice_of_cstr(text);
    if (utf8_valid(all)) {
        return text;
    }
    struct strbuf b = STRBUF_INIT;
    for (size_t i = 0; i < all.len;) {
        size_t n = utf8_sequence_length(all.data + i, all.len - i);
        if (n > 0) {
            strbuf_append(&b, all.data + i, n);
        } else if (all.data[i] == MESSAGE_NUL) {
            strbuf_append_cstr(&b, "\\u0000");
        }
        i += n > 0 ? n : 1;
    }
    const char *result = arena_cstr(a, strbuf_slice(&b));
    strbuf_release(&b);
    return result;
}

void violations_add(struct violations *v, const char *field, const char *format, ...) {
    if (v->count == MOST_VIOLATIONS) {
        return;
    }
    v->count++;
    va_list args;
    va_start(args, format);
    char description[LONGEST_DESCRIPTION];
    vsnprintf(description, sizeof(description), format, args);
    va_end(args);
    const char *why = shown(v->arena, description);
    if (v->error == NULL) {
        v->error =
            error_new(v->arena, STATUS_INVALID_ARGUMENT, REASON_FIELD_INVALID, "%s %s", field, why);
    }
    error_add_violation(v->error, v->arena, field, "%s", why);
}

static bool is_identifier(struct slice key) {
    for (size_t i = 0; i < key.len; i++) {
        uint8_t c = key.data[i];
        bool starts = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        if (!starts && (i == 0 || !((c >= '0' && c <= '9') || c == '-'))) {
            return false;
        }
    }
    return key.len > 0 && key.len <= LONGEST_KEY;
}

const char *violations_path_text(struct arena *a, const char *path, struct slice key) {
    if (is_identifier(key)) {
        return arena_printf(a, "%s%s%.*s", path, path[0] != '\0' ? "." : "", SLICE_FMT(key));
    }
    struct strbuf quoted = STRBUF_INIT;
    strbuf_append_json_string(&quoted, utf8_cut(key, LONGEST_KEY));
    const char *result = arena_printf(a, "%s[%.*s]", path, SLICE_FMT(strbuf_slice(&quoted)));
    strbuf_release(&quoted);
    return result;
}

const char *violations_path_key(struct arena *a, const char *path, const char *key) {
    if (strchr(key, MESSAGE_NUL) == NULL) {
        return violations_path_text(a, path, slice_of_cstr(key));
    }
    struct slice text = arena_copy(a, slice_of_cstr(key));
    for (uint8_t *p = (uint8_t *)text.data; p < text.data + text.len; p++) {
        *p = *p == MESSAGE_NUL ? '\0' : *p;
    }
    return violations_path_text(a, path, text);
}
