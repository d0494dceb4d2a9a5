#include "bench/load/targets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/memory.h"
#include "base/core/strbuf.h"

static const struct error *check_line(struct arena *a, const char *name, size_t number,
                                      struct slice line) {
    if (line.len == 0 || line.len > TARGET_MAX_BYTES) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "%s: line %zu has %zu bytes; a target has 1 to %d", name, number, line.len,
                         TARGET_MAX_BYTES);
    }
    for (size_t i = 0; i < line.len; i++) {
        if (line.data[i] <= ' ' || line.data[i] == 0x7F) {
            return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                             "%s: line %zu has byte 0x%02x at column %zu; a target has no space "
                             "and no control character",
                             name, number, line.data[i], i + 1);
        }
    }
    return NULL;
}

const struct error *targets_of_text(struct arena *a, const char *name, char *text, size_t len,
                                    struct targets *ret) {
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        count += text[i] == '\n';
    }
    count += len > 0 && text[len - 1] != '\n';
    if (count == 0) {
        free(text);
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: holds no target", name);
    }
    struct targets t = {.text = text, .lines = mem_alloc(count * sizeof(struct slice))};
    const struct error *error = NULL;
    for (size_t at = 0; at < len && error == NULL;) {
        const char *lf = memchr(text + at, '\n', len - at);
        size_t end = lf == NULL ? len : (size_t)(lf - text);
        struct slice line = slice_of(text + at, end - at);
        error = check_line(a, name, t.count + 1, line);
        t.lines[t.count++] = line;
        at = end + 1;
    }
    if (error != NULL) {
        targets_release(&t);
        return error;
    }
    *ret = t;
    return NULL;
}

const struct error *targets_read(struct arena *a, const char *path, struct targets *ret) {
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: %s", path, strerror(errno));
    }
    struct strbuf text = STRBUF_INIT;
    enum { CHUNK = 1 << 16 };
    size_t n;
    do {
        strbuf_grow(&text, CHUNK);
        n = fread(text.data + text.len, 1, CHUNK, f);
        text.len += n;
    } while (n > 0);
    bool failed = ferror(f) != 0;
    int reason = errno;
    (void)fclose(f);
    if (failed) {
        strbuf_release(&text);
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: %s", path, strerror(reason));
    }
    size_t len;
    char *bytes = (char *)strbuf_detach(&text, &len);
    return targets_of_text(a, path, bytes, len, ret);
}

void targets_release(struct targets *t) {
    free(t->lines);
    free(t->text);
    *t = (struct targets){0};
}
