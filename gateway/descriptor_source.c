#include "gateway/descriptor_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/memory.h"
#include "base/process/server_process.h"
#include "gateway/reflection/reflection.h"

enum {
    MAX_FILE_BYTES = 16 << 20,
    REFLECTION_TIMEOUT_MS = 10000,
};

bool descriptor_source_can_change(const struct descriptor_source *source) {
    return source->file_count > 0 || source->reflect != NULL;
}

static const struct error *cannot_read(struct arena *a, const char *path, int number) {
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                     "--descriptors %s: cannot be read: %s", path, strerror(number));
}

static const struct error *read_file(struct arena *a, const char *path, struct slice *ret_bytes) {
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        return cannot_read(a, path, errno);
    }
    CLEANUP_FREE char *bytes = mem_alloc(MAX_FILE_BYTES + 1);
    size_t size = fread(bytes, 1, MAX_FILE_BYTES + 1, in);
    int number = ferror(in) ? errno : 0;
    fclose(in);
    if (number != 0) {
        return cannot_read(a, path, number);
    }
    if (size > MAX_FILE_BYTES) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "--descriptors %s: it has more than %d bytes", path, MAX_FILE_BYTES);
    }
    if (size == 0) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "--descriptors %s: the file is empty", path);
    }
    *ret_bytes = arena_copy(a, slice_of(bytes, size));
    return NULL;
}

const struct error *descriptor_source_read(struct arena *a, const struct descriptor_source *source,
                                           const struct slice **ret_sets, size_t *ret_count) {
    size_t count = source->file_count + (source->reflect != NULL ? 1 : 0);
    struct slice *sets = ARENA_ARRAY(a, struct slice, count + 1);
    const struct error *error = NULL;
    for (size_t i = 0; i < source->file_count && error == NULL; i++) {
        error = read_file(a, source->files[i], &sets[i]);
    }
    if (source->reflect != NULL) {
        const struct reflection_options options = {
            .log = source->log,
            .upstream = source->reflect,
            .timeout_ms = REFLECTION_TIMEOUT_MS,
            .should_stop = server_process_stop_pending,
        };
        error = reflection_fetch(a, &options, &sets[0]);
    }
    if (error == NULL) {
        *ret_sets = sets;
        *ret_count = count;
    }
    return error;
}

const struct error *descriptor_source_explain(struct arena *a,
                                              const struct descriptor_source *source,
                                              const struct error *error) {
    const char *names = source->reflect != NULL ? "--reflect" : "";
    for (size_t i = 0; i < source->file_count; i++) {
        names = source->file_count == 1
                    ? arena_printf(a, "--descriptors %s", source->files[i])
                    : arena_printf(a, "%s%s %s (set %zu)", names, i == 0 ? "--descriptors" : ",",
                                   source->files[i], i + 1);
    }
    if (names[0] == '\0') {
        return error;
    }
    struct error *e = error_new(a, error->code, error->reason_id, "%s: %s", names, error->message);
    e->detail = error->detail;
    return e;
}
