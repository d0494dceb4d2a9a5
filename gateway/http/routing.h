#ifndef RUNSD_GATEWAY_HTTP_ROUTING_H
#define RUNSD_GATEWAY_HTTP_ROUTING_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "gateway/edge/cors.h"
#include "gateway/edge/header.h"
#include "gateway/transcode/transcoder.h"

// From a request's method and path to its route, with what HTTP adds to the routes of
// the descriptor sets: HEAD where there is GET, and OPTIONS. Pure.

struct routing_request {
    struct slice method;
    struct slice path; // raw; "*" of OPTIONS
    struct http_headers headers;
};

struct routing {
    struct transcoder_match match; // if options_allow is NULL
    // The request is an OPTIONS that the gateway answers: the verbs of the path
    // ("GET, POST"), of "*" those of all paths. In the arena.
    const char *options_allow;
};

// HEAD and OPTIONS are those of a route that has them as its own verb; but a browser's
// preflight from an allowed origin is always answered by the gateway, since it comes
// without credentials. Errors: those of transcoder_match_route.
const struct error *routing_find(struct arena *a, const struct transcoder *transcoder,
                                 const struct cors *cors, const struct routing_request *request,
                                 struct routing *ret_routing);

#endif
