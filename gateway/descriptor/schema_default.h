#ifndef RUNSD_GATEWAY_DESCRIPTOR_SCHEMA_DEFAULT_H
#define RUNSD_GATEWAY_DESCRIPTOR_SCHEMA_DEFAULT_H

#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "gateway/descriptor/schema_type.h"
#include "gateway/descriptor/upb.h"

// A part of schema.c. Pure.

// Sets what a field that is no message holds while it is unset, as struct wire_field has
// it: the default of the proto, of an enum its first value, or zero. Text lives in a; what
// does not belong to the type is untouched.
void schema_default_of(struct arena *a, const upb_FieldDef *field, uint64_t *ret_value,
                       struct slice *ret_bytes);

#endif
