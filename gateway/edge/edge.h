#ifndef RUNSD_GATEWAY_EDGE_EDGE_H
#define RUNSD_GATEWAY_EDGE_EDGE_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "gateway/edge/cors.h"
#include "gateway/edge/error_details.h"
#include "gateway/edge/header_map.h"
#include "gateway/options.h"

struct logger;

// What gateway_http_options come to. Immutable between edge_init and edge_release, so
// any thread may use it, but for what edge_set changes, which the HTTP thread alone uses.
struct edge {
    const struct logger *log;
    struct gateway_http_options options;
    struct cors cors;
    struct header_map request_headers;
    struct header_map response_headers;
    struct schema *details_schema; // of error_details_schema_new
    struct arena arena;
};

// Refuses options that cannot be served; INVALID_ARGUMENT in a: those of cors_check
// and header_map_check.
const struct error *edge_check(struct arena *a, const struct gateway_http_options *options);

// options must have passed edge_check and have no 0s; what they point to, and log, is
// borrowed. edge must stay where it is.
void edge_init(struct edge *edge, const struct logger *log,
               const struct gateway_http_options *options);

// Takes from options, which are as those of edge_init, the rules of CORS, the trusted addresses and
// from which size on replies are compressed. On the HTTP thread.
void edge_set(struct edge *edge, const struct gateway_http_options *options);

void edge_release(struct edge *edge);

#endif
