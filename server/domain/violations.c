#include "server/domain/violations.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/core/strbuf.h"

enum { LONGEST_DESCRIPTION = 512, LONGEST_KEY = 100 };

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
    if (v->error == NULL) {
        v->error = error_new(v->arena, STATUS_INVALID_ARGUMENT, REASON_FIELD_INVALID, "%s %s",
                             field, description);
    }
    error_add_violation(v->error, v->arena, field, "%s", description);
}

static bool is_identifier(const char *key) {
    static const char rest[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789-";
    size_t n = strlen(key);
    bool starts_like_one = n > 0 && strchr("0123456789-", key[0]) == NULL;
    return starts_like_one && n <= LONGEST_KEY && strspn(key, rest) == n;
}

const char *violations_path_key(struct arena *a, const char *path, const char *key) {
    if (is_identifier(key)) {
        return arena_printf(a, "%s.%s", path, key);
    }
    struct strbuf quoted = STRBUF_INIT;
    size_t n = strnlen(key, LONGEST_KEY);
    strbuf_append_json_string(&quoted, slice_of(key, n));
    const char *result = arena_printf(a, "%s[%.*s]", path, SLICE_FMT(strbuf_slice(&quoted)));
    strbuf_release(&quoted);
    return result;
}
