#ifndef RUNSD_GATEWAY_DESCRIPTOR_SCHEMA_HASH_H
#define RUNSD_GATEWAY_DESCRIPTOR_SCHEMA_HASH_H

#include <stdint.h>

#include "base/core/slice.h"

// FNV-1a, for the schema's own tables: their keys come from the descriptors, so
// a caller can make lookups miss but not make the tables degenerate. Pure.
static inline uint32_t schema_hash(struct slice name) {
    uint32_t h = 2166136261u; // FNV-1a
    for (size_t i = 0; i < name.len; i++) {
        h = (h ^ name.data[i]) * 16777619u;
    }
    return h;
}

#endif
