#ifndef RUNSD_GATEWAY_EDGE_HEADER_MAP_H
#define RUNSD_GATEWAY_EDGE_HEADER_MAP_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "gateway/edge/header.h"
#include "gateway/options.h"
#include "rpc/metadata.h"

// Which HTTP headers become metadata of the upstream call, and which metadata of its
// reply become HTTP headers. Values of keys that end in "-bin" are bytes in metadata
// and base64 in HTTP (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
// Pure.

// One direction's mappings; immutable, borrows.
struct header_map {
    const struct header_mapping *items;
    size_t count;
};

enum header_map_direction { HEADER_MAP_REQUEST, HEADER_MAP_RESPONSE };

// Refuses, with INVALID_ARGUMENT in a, what can never be mapped: names that are no
// HTTP token in lower case, or as keys no gRPC key; hop-by-hop headers; those that
// HTTP, gRPC ("grpc-...") or the gateway itself give a meaning, on either side; what the
// gateway sets itself, RPC_FORWARDED_FOR of requests among it; and two mappings from, or to,
// the same name.
const struct error *header_map_check(struct arena *a, struct header_map map,
                                     enum header_map_direction direction);

// How many pairs header_map_request appends, at most.
size_t header_map_request_bound(struct header_map map, struct http_headers headers);

// Appends one pair for each value of the headers that are mapped, in their order, at
// metadata[*count] and raises *count. The pairs live in a or borrow from headers.
// INVALID_ARGUMENT / HEADER_INVALID, of the domain "gateway.v1", for a value that
// metadata cannot hold: other bytes than printable ASCII, or for "-bin" no base64.
const struct error *header_map_request(struct arena *a, struct header_map map,
                                       struct http_headers headers, struct rpc_metadata *metadata,
                                       int *count);

enum header_map_outcome {
    HEADER_MAP_NONE,    // not mapped, or empty, which libmicrohttpd cannot send
    HEADER_MAP_VALUE,   // *ret_name and *ret_value are the header
    HEADER_MAP_INVALID, // mapped to *ret_name, but the value is not fit for a header
};

// The HTTP header of one pair of a reply's metadata; in a or borrowed from map.
enum header_map_outcome header_map_response(struct arena *a, struct header_map map,
                                            struct slice key, struct slice value,
                                            const char **ret_name, const char **ret_value);

#endif
