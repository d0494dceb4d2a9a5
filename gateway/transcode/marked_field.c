#include "gateway/transcode/marked_field.h"

const char *marked_field_find(struct arena *a, const struct schema_message *m,
                              enum schema_mark mark, const char *word,
                              bool (*can_be)(const struct schema_field *f), const char *unfit,
                              const struct schema_field **ret) {
    *ret = NULL;
    for (uint32_t i = 0; i < m->field_count; i++) {
        const struct schema_field *f = &m->fields[i];
        if ((f->marks & mark) == 0) {
            continue;
        }
        if (*ret != NULL || !can_be(f)) {
            return arena_printf(a, "field \"%.*s\" of %.*s cannot be its %s: %s",
                                SLICE_FMT(f->name), SLICE_FMT(m->full_name), word,
                                *ret != NULL ? "another one is" : unfit);
        }
        *ret = f;
    }
    return NULL;
}
