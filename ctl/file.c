#include "ctl/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/core/strbuf.h"

static const struct error *read_stream(struct arena *a, const char *flag, const char *path,
                                       size_t max_bytes, FILE *in, struct slice *ret_bytes) {
    struct strbuf b = STRBUF_INIT;
    const struct error *error = NULL;
    for (;;) {
        char block[4096];
        size_t n = fread(block, 1, sizeof(block), in);
        strbuf_append(&b, block, n);
        if (b.len > max_bytes) {
            error = error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                              "%s: %s has more than %zu bytes", flag, path, max_bytes);
            break;
        }
        if (n < sizeof(block)) {
            if (ferror(in)) {
                error = error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: %s cannot be read",
                                  flag, path);
            }
            break;
        }
    }
    if (error == NULL) {
        *ret_bytes = arena_copy(a, strbuf_slice(&b));
    }
    strbuf_release(&b);
    return error;
}

const struct error *file_read(struct arena *a, const char *flag, const char *path, size_t max_bytes,
                              struct slice *ret_bytes) {
    if (strcmp(path, "-") == 0) {
        return read_stream(a, flag, "standard input", max_bytes, stdin, ret_bytes);
    }
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: %s: %m", flag, path);
    }
    const struct error *error = read_stream(a, flag, path, max_bytes, in, ret_bytes);
    fclose(in);
    return error;
}
