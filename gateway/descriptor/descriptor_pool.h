#ifndef RUNSD_GATEWAY_DESCRIPTOR_DESCRIPTOR_POOL_H
#define RUNSD_GATEWAY_DESCRIPTOR_DESCRIPTOR_POOL_H

#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "gateway/descriptor/upb.h"

// Serialized google.protobuf.FileDescriptorSets, checked and linked by upb. Pure.
struct descriptor_pool {
    upb_DefPool *pool;
    const upb_FileDef **files; // each after its imports
    size_t file_count;
};

// Loads count sets, in any order of files. A file that is in several sets is
// taken once and must be the same in each (its source_code_info aside).
// INVALID_ARGUMENT, in a: bytes that are no set, two files of one name that
// differ, a missing import, or any other error that upb reports. ret_pool->files
// lives in a; descriptor_pool_release frees the rest.
const struct error *descriptor_pool_load(struct arena *a, const struct slice *sets, size_t count,
                                         struct descriptor_pool *ret_pool);

void descriptor_pool_release(struct descriptor_pool *pool);

// Returns the bytes of an options message (options as upb returned it), in a.
// Custom options are in there as unknown fields.
struct slice descriptor_options_bytes(struct arena *a, const void *options,
                                      const upb_MiniTable *table);

// Returns the payload of the message field `number` within message bytes: all
// occurrences concatenated, as the wire format merges them. Empty if there is
// none; ret_found may be NULL.
struct slice descriptor_option_message(struct arena *a, struct slice bytes, uint32_t number,
                                       bool *ret_found);

// Returns the last value of the varint field `number` within message bytes; 0 if unset.
uint64_t descriptor_option_varint(struct slice bytes, uint32_t number);

#endif
