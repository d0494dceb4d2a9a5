#ifndef RUNSD_GATEWAY_DESCRIPTOR_SCHEMA_H
#define RUNSD_GATEWAY_DESCRIPTOR_SCHEMA_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "gateway/descriptor/schema_marks.h"
#include "gateway/descriptor/schema_spelling.h"
#include "gateway/descriptor/schema_table.h"
#include "gateway/descriptor/schema_type.h"

// Descriptor sets compiled to flat tables that reading and writing JSON walk.
// Immutable once made; pure.
// Compiles descriptor sets of any syntax and edition that descriptor_pool_load takes.
// Errors: those of descriptor_pool_load; INVALID_ARGUMENT if two values of an enum share a
// word; those of schema_reasons_compile.
const struct error *schema_new(struct arena *a, const struct slice *descriptor_sets, size_t count,
                               struct schema **ret_schema);

// As schema_new, with a spelling.
const struct error *schema_new_spelled(struct arena *a, const struct slice *descriptor_sets,
                                       size_t count, struct schema_spelling spelling,
                                       struct schema **ret_schema);

// NULL is ignored.
void schema_free(struct schema *schema);

// Returns the message "package.Name", or NULL.
const struct schema_message *schema_find_message(const struct schema *schema, struct slice name);

// Returns the field of that JSON name or proto name, or NULL.
const struct schema_field *schema_find_field(const struct schema_message *m, struct slice name);

const struct schema_field *schema_find_sparse(const struct schema_message *m, uint32_t number);

// Returns the field of that number, or NULL.
static inline const struct schema_field *schema_field_by_number(const struct schema_message *m,
                                                                uint32_t number) {
    if (number < SCHEMA_DENSE_NUMBERS) {
        uint16_t at = m->dense[number];
        return at == 0 ? NULL : &m->fields[at - 1];
    }
    return schema_find_sparse(m, number);
}

// Returns the value of that number, or NULL; of aliases the one declared first.
const struct schema_enum_value *schema_enum_by_number(const struct schema_enum *e, int32_t number);

// The HTTP status of a reason of a domain; 0 if the descriptors give it none. Either may be
// empty.
int schema_reason_http_status(const struct schema *schema, struct slice domain, struct slice name);

// Finds the number of a word or name; returns whether there is one.
bool schema_enum_by_name(const struct schema_enum *e, struct slice name, int32_t *ret_number);

#endif
