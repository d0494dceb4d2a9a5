#ifndef RUNSD_STORAGE_RUN_FIELDS_H
#define RUNSD_STORAGE_RUN_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/slice.h"

// The fields of a run that its executor's reports replace: the one list of them. From it come
// the struct, the bits that say which are given, and all that a back-end does with a field
// without knowing it by name. A field has a column besides where a back-end has columns
// (storage/sqlite/run_columns.h), and its place in the messages (server/domain/run_codec.c).
// Pure.
//
// INTEGER is an int64_t, REAL a double, BYTES a struct slice.
#define RUN_FIELDS(X)                                                                              \
    X(TOTAL_CU, total_cu, REAL)                                                                    \
    X(EXECUTION_STATE, execution_state, BYTES) /* serialized google.protobuf.Struct, or empty */

enum run_field_type { RUN_FIELD_INTEGER, RUN_FIELD_REAL, RUN_FIELD_BYTES };

#define RUN_FIELD_C_INTEGER int64_t
#define RUN_FIELD_C_REAL    double
#define RUN_FIELD_C_BYTES   struct slice

#define RUN_FIELD_MEMBER(NAME, name, type) RUN_FIELD_C_##type name;
struct run_fields {
    RUN_FIELDS(RUN_FIELD_MEMBER)
};
#undef RUN_FIELD_MEMBER

#define RUN_FIELD_NUMBER(NAME, name, type) RUN_FIELD_##NAME,
enum run_field { RUN_FIELDS(RUN_FIELD_NUMBER) RUN_FIELD_COUNT };
#undef RUN_FIELD_NUMBER

// A set of fields, as bits.
#define RUN_FIELD_BIT(NAME) (1u << RUN_FIELD_##NAME)

#define RUN_FIELDS_ALL ((1u << RUN_FIELD_COUNT) - 1)

// What each field is, by enum run_field.
struct run_field_info {
    enum run_field_type type;
    size_t offset; // in struct run_fields
};
extern const struct run_field_info run_field_info[RUN_FIELD_COUNT];

// Return where field is in fields.
static inline const void *run_field_in(const struct run_fields *fields, int field) {
    return (const char *)fields + run_field_info[field].offset;
}
static inline void *run_field_of(struct run_fields *fields, int field) {
    return (char *)fields + run_field_info[field].offset;
}

// Calls map for each BYTES field of fields, which becomes what it returns.
void run_fields_map_bytes(struct run_fields *fields,
                          struct slice (*map)(void *context, struct slice value), void *context);

// Sets in to the fields of from that are in given.
void run_fields_replace(struct run_fields *to, const struct run_fields *from, uint32_t given);

// About how many bytes the fields in given take.
size_t run_fields_bytes(const struct run_fields *fields, uint32_t given);

#endif
