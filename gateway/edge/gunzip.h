#ifndef RUNSD_GATEWAY_EDGE_GUNZIP_H
#define RUNSD_GATEWAY_EDGE_GUNZIP_H

#include <stdbool.h>

#include "base/core/slice.h"
#include "base/core/strbuf.h"

// Inflates gzip (RFC 1952, also of several members) within bounds. Pure.

enum gunzip {
    GUNZIP_DONE,
    GUNZIP_TOO_LARGE,
    GUNZIP_MALFORMED, // also: it ends early, or something else stands behind it
    GUNZIP_NO_ROOM,
};

// Asked before each time that so many bytes in all are allocated; returns whether they may be.
struct gunzip_room {
    bool (*take)(void *context, size_t bytes);
    void *context;
};

// Replaces out, which must be empty, by what gzip holds, at most most bytes: of a bomb hardly
// more than that is inflated. What is no gzip has *ret_fault say why, a literal. Unless it is
// DONE, out is empty.
enum gunzip gunzip_inflate(struct slice gzip, size_t most, const struct gunzip_room *room,
                           struct strbuf *out, const char **ret_fault);

#endif
