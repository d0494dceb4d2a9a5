#include "storage/run_fields.h"

#include <string.h>

#define INFO(NAME, name, kind)                                                                     \
    [RUN_FIELD_##NAME] = {.type = RUN_FIELD_##kind, .offset = offsetof(struct run_fields, name)},
const struct run_field_info run_field_info[RUN_FIELD_COUNT] = {RUN_FIELDS(INFO)};
#undef INFO

static size_t size_of(int field) {
    return run_field_info[field].type == RUN_FIELD_BYTES ? sizeof(struct slice) : sizeof(int64_t);
}

_Static_assert(RUN_FIELD_COUNT < 32, "sets of fields are 32 bits");
_Static_assert(sizeof(double) == sizeof(int64_t), "both are eight bytes");

void run_fields_map_bytes(struct run_fields *fields,
                          struct slice (*map)(void *context, struct slice value), void *context) {
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (run_field_info[i].type == RUN_FIELD_BYTES) {
            struct slice *value = run_field_of(fields, i);
            *value = map(context, *value);
        }
    }
}

void run_fields_replace(struct run_fields *to, const struct run_fields *from, uint32_t given) {
    for (int i = 0; given >> i != 0 && i < RUN_FIELD_COUNT; i++) {
        if ((given >> i & 1) != 0) {
            memcpy(run_field_of(to, i), run_field_in(from, i), size_of(i));
        }
    }
}

size_t run_fields_bytes(const struct run_fields *fields, uint32_t given) {
    size_t bytes = 0;
    for (int i = 0; given >> i != 0 && i < RUN_FIELD_COUNT; i++) {
        if ((given >> i & 1) != 0 && run_field_info[i].type == RUN_FIELD_BYTES) {
            const struct slice *value = run_field_in(fields, i);
            bytes += value->len;
        }
    }
    return bytes;
}
