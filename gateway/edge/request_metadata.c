#include "gateway/edge/request_metadata.h"

#include "gateway/edge/forwarded_for.h"
#include "gateway/edge/header_map.h"
#include "gateway/edge/trace_context.h"
#include "gateway/edge/trusted_addresses.h"

enum { OWN_COUNT = 5 };

struct slice request_client_address(struct arena *a, const struct edge *edge,
                                    struct http_headers headers,
                                    const struct request_origin *origin) {
    // A connection may be older than options that trust nobody any more.
    return origin->is_of_trusted && edge->options.trusted != NULL
               ? trusted_addresses_client(a, edge->options.trusted, headers, origin->client_address)
               : origin->client_address;
}

static struct slice forwarded_for(struct arena *a, const struct edge *edge,
                                  struct http_headers headers,
                                  const struct request_origin *origin) {
    return !origin->is_of_trusted && edge->options.appends_forwarded_for
               ? forwarded_for_append(a, headers, origin->client_address)
               : request_client_address(a, edge, headers, origin);
}

const struct error *
request_metadata_make(struct arena *a, const struct edge *edge, struct http_headers headers,
                      const struct request_facts *facts, const struct request_origin *origin,
                      const struct rpc_metadata **ret_metadata, int *ret_count) {
    size_t bound = OWN_COUNT + origin->client_name_count +
                   header_map_request_bound(edge->request_headers, headers);
    struct rpc_metadata *metadata = ARENA_ARRAY(a, struct rpc_metadata, bound);
    int count = 0;
    metadata[count++] = (struct rpc_metadata){"x-request-id", origin->request_id};
    if (facts->has_authorization) {
        metadata[count++] = (struct rpc_metadata){"authorization", facts->authorization};
    }
    if (origin->client_address.len > 0) {
        metadata[count++] =
            (struct rpc_metadata){RPC_FORWARDED_FOR, forwarded_for(a, edge, headers, origin)};
    }
    for (size_t i = 0; i < origin->client_name_count; i++) {
        metadata[count++] = (struct rpc_metadata){RPC_CLIENT_NAME, origin->client_names[i]};
    }
    struct trace_context trace = trace_context_read(a, headers);
    struct slice parent = origin->trace_parent.len > 0 ? origin->trace_parent : trace.parent;
    if (parent.len > 0) {
        metadata[count++] = (struct rpc_metadata){"traceparent", parent};
    }
    if (trace.state.len > 0) {
        metadata[count++] = (struct rpc_metadata){"tracestate", trace.state};
    }
    const struct error *error =
        header_map_request(a, edge->request_headers, headers, metadata, &count);
    if (error == NULL) {
        *ret_metadata = metadata;
        *ret_count = count;
    }
    return error;
}
