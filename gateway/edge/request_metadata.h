#ifndef RUNSD_GATEWAY_EDGE_REQUEST_METADATA_H
#define RUNSD_GATEWAY_EDGE_REQUEST_METADATA_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "gateway/edge/edge.h"
#include "gateway/edge/header.h"
#include "gateway/edge/request_head.h"
#include "rpc/metadata.h"

// What the gateway itself knows of a request.
struct request_origin {
    struct slice request_id;
    struct slice client_address; // base/net/peer_address.h; empty: unknown
    bool is_of_trusted;          // client_address is one of the trusted
    // The gateway's own traceparent, in place of the client's; empty: it has none.
    struct slice trace_parent;
    // Of the certificate that the client has shown, which was verified (rpc/server_peer.h).
    const struct slice *client_names;
    size_t client_name_count;
};

// The client's address, or what a trusted proxy tells of its client. In a, or origin's.
struct slice request_client_address(struct arena *a, const struct edge *edge,
                                    struct http_headers headers,
                                    const struct request_origin *origin);

// The metadata of the upstream call of a request: x-request-id, authorization if there
// is one, RPC_FORWARDED_FOR with the client's address (of a trusted proxy's client, if it tells),
// alone or behind the chain that it sent, RPC_CLIENT_NAME for each name of its certificate, the W3C
// trace context if it is valid, and the mapped headers. They live in a or borrow from headers,
// facts and origin. Errors: those of header_map_request. Pure.
const struct error *request_metadata_make(struct arena *a, const struct edge *edge,
                                          struct http_headers headers,
                                          const struct request_facts *facts,
                                          const struct request_origin *origin,
                                          const struct rpc_metadata **ret_metadata, int *ret_count);

#endif
