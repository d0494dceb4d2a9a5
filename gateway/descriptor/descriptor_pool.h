#ifndef RUNSD_GATEWAY_DESCRIPTOR_DESCRIPTOR_POOL_H
#define RUNSD_GATEWAY_DESCRIPTOR_DESCRIPTOR_POOL_H

#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "gateway/descriptor/descriptor_option.h"
#include "gateway/descriptor/upb.h"

// Serialized google.protobuf.FileDescriptorSets, also buf's images, checked and linked by
// upb; of each field and enum its options say which features hold (file_features.h). Pure.
struct descriptor_pool {
    upb_DefPool *pool;
    const upb_FileDef **files; // each after its imports
    size_t file_count;
};

// Loads count sets, in any order of files. A file that is in several sets is
// taken once and must be the same in each (its source_code_info aside), but for those of
// google/protobuf/, of which the longest is taken: they only grow. Files of editions
// that features.h knows are taken like those of proto2 and proto3.
// INVALID_ARGUMENT, in a: bytes that are no set, two files of one name that
// differ, a missing import, an edition or a value of a feature that is not known, or any
// other error that upb reports. ret_pool->files
// lives in a; descriptor_pool_release frees the rest.
const struct error *descriptor_pool_load(struct arena *a, const struct slice *sets, size_t count,
                                         struct descriptor_pool *ret_pool);

void descriptor_pool_release(struct descriptor_pool *pool);

// Returns the bytes of an options message (options as upb returned it), in a.
// Custom options are in there as unknown fields.
struct slice descriptor_options_bytes(struct arena *a, const void *options,
                                      const upb_MiniTable *table);

#endif
