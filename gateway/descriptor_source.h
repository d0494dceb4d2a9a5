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
    struct rpc_channel *reflect; // the upstream to ask; NULL: it is not asked
};

// Whether another reading may give something else.
bool descriptor_source_can_change(const struct descriptor_source *source);

// Reads the sets, into a; none (a count of 0) for those compiled in. Blocks: while the
// upstream is asked until a stop is pending (base/process/server_process.h). Errors:
// INVALID_ARGUMENT for a file that cannot be read, that names it; those of
// reflection_fetch.
const struct error *descriptor_source_read(struct arena *a, const struct descriptor_source *source,
                                           const struct slice **ret_sets, size_t *ret_count);

// Why the sets of this source could not be used, where error says so of the sets by
// their numbers: with the names of the files.
const struct error *descriptor_source_explain(struct arena *a,
                                              const struct descriptor_source *source,
                                              const struct error *error);

#endif
