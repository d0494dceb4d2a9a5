#ifndef RUNSD_GATEWAY_DESCRIPTOR_NOTES_H
#define RUNSD_GATEWAY_DESCRIPTOR_NOTES_H

#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/slice.h"

// What descriptor sets say to people: the comments of their source_code_info, where
// protoc was given --include_source_info, and gateway.v1.api. Immutable; pure.

struct note {
    struct slice name; // "package.Message.field", "package.Enum.VALUE", "package.Service.Method"
    struct slice text; // as protoc has it: lines with the blank behind "//"
};

struct notes {
    struct note *items; // sorted by name
    size_t count;
    struct slice title; // gateway.v1.api of the first file that has it; else empty
    struct slice version;
};

// Reads sets that descriptor_pool_load has taken. All lives in a or borrows from the sets.
// Bytes that are malformed give no notes.
struct notes notes_read(struct arena *a, const struct slice *sets, size_t count);

// Returns the comment before the element of that full name, or else behind it on its
// line; empty if there is none.
struct slice notes_of(const struct notes *notes, struct slice name);

#endif
