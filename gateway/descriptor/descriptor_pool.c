#include "gateway/descriptor/descriptor_pool.h"

#include <stdlib.h>

#include "base/core/strbuf.h"
#include "base/core/wire.h"
#include "gateway/descriptor/file_features.h"

// Field numbers of descriptor.proto.
enum {
    SET_FILE = 1,
    FILE_NAME = 1,
    FILE_DEPENDENCY = 3,
    FILE_SOURCE_CODE_INFO = 9,
    FILE_BUF_EXTENSION = 8042, // of buf.alpha.image.v1.ImageFile
};

enum visit { VISIT_NEW, VISIT_OPEN, VISIT_DONE };

// A file as it stands in a set.
struct set_file {
    struct slice name;
    struct slice bytes; // without what strip_file leaves out
    size_t set_index;
    enum visit visit;
};

struct loader {
    struct arena *arena;
    struct set_file *files;
    size_t count;
    struct descriptor_pool *pool;
};

static const struct error *malformed(struct arena *a, size_t set_index) {
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_DESCRIPTOR_INVALID,
                     "descriptor set %zu is no serialized google.protobuf.FileDescriptorSet",
                     set_index + 1);
}

// Leaves out source_code_info, since a set with comments must equal one without, and what
// buf notes in its images, such as whether the file is an import there.
static bool strip_file(struct arena *a, struct slice file, struct set_file *ret) {
    struct strbuf kept = STRBUF_INIT;
    struct slice name = SLICE_EMPTY;
    const uint8_t *p = file.data;
    const uint8_t *end = p + file.len;
    while (p < end) {
        const uint8_t *start = p;
        struct wire_field field;
        if (!wire_read_field(&p, end, &field)) {
            strbuf_release(&kept);
            return false;
        }
        if (field.number == FILE_NAME && field.type == WIRE_BYTES) {
            name = field.bytes;
        }
        if (field.number != FILE_SOURCE_CODE_INFO && field.number != FILE_BUF_EXTENSION) {
            strbuf_append(&kept, start, (size_t)(p - start));
        }
    }
    ret->name = name;
    ret->bytes = arena_copy(a, strbuf_slice(&kept));
    strbuf_release(&kept);
    return true;
}

static struct set_file *find_file(struct loader *l, struct slice name) {
    for (size_t i = 0; i < l->count; i++) {
        if (slice_equal(l->files[i].name, name)) {
            return &l->files[i];
        }
    }
    return NULL;
}

// Whether a file comes with the compiler, so that sets of two compilers have two versions
// of it: above all descriptor.proto, which every file with an HTTP rule imports.
static bool is_of_protobuf(struct slice name) {
    return slice_starts_with(name, slice_of_cstr("google/protobuf/"));
}

static const struct error *add_file(struct loader *l, struct slice bytes, size_t set_index) {
    struct set_file file = {.set_index = set_index};
    if (!strip_file(l->arena, bytes, &file)) {
        return malformed(l->arena, set_index);
    }
    struct set_file *same = find_file(l, file.name);
    if (same == NULL) {
        l->files[l->count++] = file;
        return NULL;
    }
    if (slice_equal(same->bytes, file.bytes)) {
        return NULL;
    }
    if (is_of_protobuf(file.name)) {
        if (file.bytes.len > same->bytes.len) {
            *same = file;
        }
        return NULL;
    }
    return error_new(l->arena, STATUS_INVALID_ARGUMENT, REASON_DESCRIPTOR_INVALID,
                     "file \"%.*s\" of descriptor set %zu differs from the one in set %zu",
                     SLICE_FMT(file.name), set_index + 1, same->set_index + 1);
}

static bool count_files(struct slice set, size_t *count) {
    const uint8_t *p = set.data;
    const uint8_t *end = p + set.len;
    while (p < end) {
        struct wire_field field;
        if (!wire_read_field(&p, end, &field)) {
            return false;
        }
        *count += field.number == SET_FILE && field.type == WIRE_BYTES;
    }
    return true;
}

static const struct error *collect(struct loader *l, const struct slice *sets, size_t count) {
    size_t files = 0;
    for (size_t i = 0; i < count; i++) {
        if (!count_files(sets[i], &files)) {
            return malformed(l->arena, i);
        }
    }
    l->files = ARENA_ARRAY(l->arena, struct set_file, files);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *p = sets[i].data;
        const uint8_t *end = p + sets[i].len;
        while (p < end) {
            struct wire_field field;
            if (!wire_read_field(&p, end, &field)) {
                return malformed(l->arena, i);
            }
            if (field.number != SET_FILE || field.type != WIRE_BYTES) {
                continue;
            }
            const struct error *error = add_file(l, field.bytes, i);
            if (error != NULL) {
                return error;
            }
        }
    }
    return NULL;
}

static const struct error *link_file(struct loader *l, const struct set_file *file) {
    const struct error *error = NULL;
    struct slice bytes;
    const char *fault;
    if (!file_features_resolve(l->arena, file->bytes, &bytes, &fault)) {
        return error_new(l->arena, STATUS_INVALID_ARGUMENT, REASON_DESCRIPTOR_INVALID,
                         "file \"%.*s\" of descriptor set %zu %s", SLICE_FMT(file->name),
                         file->set_index + 1, fault);
    }
    upb_Arena *arena = upb_Arena_Init(NULL, 0, &upb_alloc_global);
    void *proto = _upb_Message_New(&google_protobuf_FileDescriptorProto_msginit, arena);
    upb_Status status;
    upb_Status_Clear(&status);
    const upb_FileDef *def = NULL;
    if (upb_Decode((const char *)bytes.data, bytes.len, proto,
                   &google_protobuf_FileDescriptorProto_msginit, NULL, 0, arena) != 0) {
        error = malformed(l->arena, file->set_index);
    } else if ((def = upb_DefPool_AddFile(l->pool->pool, proto, &status)) == NULL) {
        error =
            error_new(l->arena, STATUS_INVALID_ARGUMENT, REASON_DESCRIPTOR_INVALID,
                      "file \"%.*s\" of descriptor set %zu is invalid: %s", SLICE_FMT(file->name),
                      file->set_index + 1, upb_Status_ErrorMessage(&status));
    } else {
        l->pool->files[l->pool->file_count++] = def;
    }
    upb_Arena_Free(arena);
    return error;
}

// Adds a file after its imports. The depth is that of the import graph, which
// comes from the operator's own files.
static const struct error *visit_file(struct loader *l, struct set_file *file) {
    if (file->visit == VISIT_DONE) {
        return NULL;
    }
    if (file->visit == VISIT_OPEN) {
        return error_new(l->arena, STATUS_INVALID_ARGUMENT, REASON_DESCRIPTOR_INVALID,
                         "file \"%.*s\" of descriptor set %zu imports itself",
                         SLICE_FMT(file->name), file->set_index + 1);
    }
    file->visit = VISIT_OPEN;
    const uint8_t *p = file->bytes.data;
    const uint8_t *end = p + file->bytes.len;
    while (p < end) {
        struct wire_field field;
        if (!wire_read_field(&p, end, &field)) {
            return malformed(l->arena, file->set_index);
        }
        if (field.number != FILE_DEPENDENCY || field.type != WIRE_BYTES) {
            continue;
        }
        struct set_file *import = find_file(l, field.bytes);
        if (import == NULL) {
            return error_new(l->arena, STATUS_INVALID_ARGUMENT, REASON_DESCRIPTOR_INVALID,
                             "file \"%.*s\" of descriptor set %zu imports \"%.*s\", which is in "
                             "no set; build the set with --include_imports",
                             SLICE_FMT(file->name), file->set_index + 1, SLICE_FMT(field.bytes));
        }
        const struct error *error = visit_file(l, import);
        if (error != NULL) {
            return error;
        }
    }
    file->visit = VISIT_DONE;
    return link_file(l, file);
}

const struct error *descriptor_pool_load(struct arena *a, const struct slice *sets, size_t count,
                                         struct descriptor_pool *ret_pool) {
    struct descriptor_pool pool = {.pool = upb_DefPool_New()};
    struct loader l = {.arena = a, .pool = &pool};
    const struct error *error = collect(&l, sets, count);
    pool.files = ARENA_ARRAY(a, const upb_FileDef *, l.count);
    for (size_t i = 0; error == NULL && i < l.count; i++) {
        error = visit_file(&l, &l.files[i]);
    }
    if (error != NULL) {
        descriptor_pool_release(&pool);
        return error;
    }
    *ret_pool = pool;
    return NULL;
}

void descriptor_pool_release(struct descriptor_pool *pool) {
    if (pool->pool != NULL) {
        upb_DefPool_Free(pool->pool);
        pool->pool = NULL;
    }
}

struct slice descriptor_options_bytes(struct arena *a, const void *options,
                                      const upb_MiniTable *table) {
    upb_Arena *arena = upb_Arena_Init(NULL, 0, &upb_alloc_global);
    char *data = NULL;
    size_t size = 0;
    struct slice bytes = SLICE_EMPTY;
    if (upb_Encode(options, table, 0, arena, &data, &size) == 0) {
        bytes = arena_copy(a, slice_of(data, size));
    }
    upb_Arena_Free(arena);
    return bytes;
}
