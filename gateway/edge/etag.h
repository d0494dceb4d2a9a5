#ifndef RUNSD_GATEWAY_EDGE_ETAG_H
#define RUNSD_GATEWAY_EDGE_ETAG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/slice.h"
#include "gateway/edge/header.h"

// Entity tags (RFC 9110 sections 8.8.3 and 13.1.2). Pure.

enum { ETAG_SIZE = 37 }; // W/"32 digits" and a NUL

// Writes the weak tag of a representation as C text: the same for the same bytes and
// variant, and for others another but by chance (128 bits of XXH3, which a sender that
// chooses the bytes can make collide: no signature). Weak, since the reply around the
// bytes differs, and its compression.
void etag_make(struct slice bytes, uint64_t variant, char ret_etag[ETAG_SIZE]);

// Whether the If-None-Match headers, all of them together, name etag (compared weakly:
// W/ does not count) or are "*". A list with a malformed member matches nothing, so
// that the reply is whole; so does no header at all.
bool etag_none_match(struct http_headers headers, const char *etag);

#endif
