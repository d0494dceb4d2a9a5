#ifndef RUNSD_GATEWAY_DESCRIPTOR_NOTES_H
#define RUNSD_GATEWAY_DESCRIPTOR_NOTES_H

#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/slice.h"

// The documentation in descriptor sets: the comments in their source_code_info, which
// protoc writes with --include_source_info, and runsd.gateway.v1.api. Immutable; pure.

struct note {
    struct slice name; // "package.Message.field", "package.Enum.VALUE", "package.Service.Method"
    struct slice text; // as protoc has it: lines with the blank behind "//"
};

struct notes {
    struct note *items; // sorted by name
    size_t count;
    struct slice title; // runsd.gateway.v1.api of the first file that has it; else empty
    struct slice version;
};

// Reads sets that descriptor_pool_load has accepted. All lives in a or borrows from the
// sets. Malformed bytes give no notes.
struct notes notes_read(struct arena *a, const struct slice *sets, size_t count);

// Returns the leading comment of the element of that full name, or else the trailing one;
// empty if there is none.
struct slice notes_of(const struct notes *notes, struct slice name);

#endif
