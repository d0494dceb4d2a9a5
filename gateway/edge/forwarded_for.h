#ifndef RUNSD_GATEWAY_EDGE_FORWARDED_FOR_H
#define RUNSD_GATEWAY_EDGE_FORWARDED_FOR_H

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "gateway/edge/header.h"

// X-Forwarded-For: for whom a proxy asks, as each proxy on the way says of the one before it.
// Pure.

// More of a chain is not passed on: its end is what proxies near to us have said.
enum { FORWARDED_FOR_BYTES = 1024 };

// Returns the chain that the client sent ("192.0.2.1, 198.51.100.7") with address, which is not
// empty, behind it, as proxies append the address of their connection. Several headers are one
// list, empty elements are left out. An element that is no visible ASCII, and what would exceed
// FORWARDED_FOR_BYTES, is left out with all before it. In a, or address itself.
struct slice forwarded_for_append(struct arena *a, struct http_headers headers,
                                  struct slice address);

#endif
