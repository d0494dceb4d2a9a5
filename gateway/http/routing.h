#ifndef RUNSD_GATEWAY_HTTP_ROUTING_H
#define RUNSD_GATEWAY_HTTP_ROUTING_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "gateway/edge/cors.h"
#include "gateway/edge/header.h"
#include "gateway/local/local_route.h"
#include "gateway/transcode/transcoder.h"

// From a request's method and path to its route, with what HTTP adds to the routes of
// the descriptor sets: HEAD where there is GET, and OPTIONS; and with the gateway's own pages
// where these have no route. Pure.

// What requests are routed by. Borrows all.
struct routing_rules {
    const struct transcoder *transcoder;
    const struct local_table *local;
    const struct cors *cors;
    bool knows_callers; // else a page that needs a token is not there
};

struct routing_request {
    struct slice method;
    struct slice path; // raw; "*" of OPTIONS
    struct http_headers headers;
};

enum routing_kind {
    ROUTING_NONE,    // there is no route
    ROUTING_CALL,    // of the API: match
    ROUTING_OPTIONS, // which the gateway answers: options_allow
    ROUTING_LOCAL,   // a page of the gateway's own: local
};

struct routing {
    enum routing_kind kind;
    struct transcoder_match match;
    // The verbs of the path ("GET, POST"), of "*" those of all paths. In the arena.
    const char *options_allow;
    const struct local_route *local;
};

// HEAD and OPTIONS are those of a route that has them as its own verb; but a browser's
// preflight from an allowed origin is always answered by the gateway, since it comes
// without credentials. A path of the API and of a page has the verbs of both, and where both
// have a verb, it is the API's. Errors: those of transcoder_match_route.
const struct error *routing_find(struct arena *a, const struct routing_rules *rules,
                                 const struct routing_request *request,
                                 struct routing *ret_routing);

// Whether it is a page that machines ask again and again.
static inline bool routing_is_probe(const struct routing *routing) {
    return routing->kind == ROUTING_LOCAL && routing->local->is_probe;
}

#endif
