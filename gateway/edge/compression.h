#ifndef RUNSD_GATEWAY_EDGE_COMPRESSION_H
#define RUNSD_GATEWAY_EDGE_COMPRESSION_H

#include <stdbool.h>

#include "base/core/slice.h"
#include "base/core/strbuf.h"

// Replaces out, which must be empty, by the gzip form (RFC 1952) of bytes. Returns
// false, and leaves out empty, if that were not smaller. Pure.
bool compression_gzip(struct slice bytes, struct strbuf *out);

#endif
