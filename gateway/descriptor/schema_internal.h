#ifndef RUNSD_GATEWAY_DESCRIPTOR_SCHEMA_INTERNAL_H
#define RUNSD_GATEWAY_DESCRIPTOR_SCHEMA_INTERNAL_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "gateway/descriptor/schema.h"

// What makes a schema beside schema.c: the HTTP statuses that descriptors give to reasons of
// errors (schema_reason.c, runsd.gateway.v1.reason_http). Pure.

// Reads the option in a value's EnumValueOptions bytes into value, with what it refers to in a.
// scratch is for temporary use.
void schema_reason_read(struct arena *a, struct arena *scratch, struct slice options,
                        struct schema_enum_value *value);

// Makes the schema's table of reasons from the values of its enums, once it has its messages.
// INVALID_ARGUMENT, in errors, that names enum and value: a status that no error may have, one
// domain and reason with two statuses, or the gateway's own domain.
const struct error *schema_reasons_compile(struct schema *schema, struct arena *errors);

// Sets has_required of the count messages, whose fields are compiled: of those that have a
// required field, and of those with a field of such a message. Linear in the number of
// fields; temporary memory comes from a.
void schema_required_mark(struct arena *a, struct schema_message *messages, size_t count);

#endif
