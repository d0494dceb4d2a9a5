#ifndef RUNSD_GATEWAY_DESCRIPTOR_SOURCE_H
#define RUNSD_GATEWAY_DESCRIPTOR_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "base/log/log.h"
#include "rpc/client.h"

// Where a gateway's descriptor sets come from, to be read at the start and at each
// reload: files, the upstream's server reflection, or what is compiled in.

struct descriptor_source {
    const struct logger *log;
    const char *const *files; // borrowed
    size_t file_count;
    struct rpc_channel *reflect; // the upstream whose reflection is used; NULL: none
};

// Whether reading the source again may give other sets.
bool descriptor_source_can_change(const struct descriptor_source *source);

// Reads the sets into a; *ret_count is 0 for those that are compiled in. Blocks; waiting
// for the upstream ends when a stop is pending (base/process/server_process.h). Errors, in
// a: INVALID_ARGUMENT, which names the file, if one cannot be read; those of
// reflection_fetch.
const struct error *descriptor_source_read(struct arena *a, const struct descriptor_source *source,
                                           const struct slice **ret_sets, size_t *ret_count);

// Returns error with the names of the source's files added, since it names sets by their
// numbers only; in a.
const struct error *descriptor_source_explain(struct arena *a,
                                              const struct descriptor_source *source,
                                              const struct error *error);

#endif
