#ifndef RUNSD_GATEWAY_DESCRIPTOR_JSON_NAMES_H
#define RUNSD_GATEWAY_DESCRIPTOR_JSON_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/slice.h"

// The JSON names of a message's fields. Pure.

struct json_name {
    struct slice name;      // of the field in the proto
    struct slice json_name; // empty: lowerCamelCase of name
    bool hidden;            // also the proto name of another field, which upb refuses
};

// Sets what is empty or unknown in fields. With best_effort, of fields that have one JSON
// name, the one whose proto name it is, or else the first declared, keeps it, and the
// others have their proto names as JSON names; without, they are left as they are, and
// nothing is hidden then, so that upb refuses them. Text lives in a.
void json_names_settle(struct arena *a, struct json_name *fields, size_t count, bool best_effort);

#endif
