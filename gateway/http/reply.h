#ifndef RUNSD_GATEWAY_HTTP_REPLY_H
#define RUNSD_GATEWAY_HTTP_REPLY_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"
#include "gateway/edge/edge.h"
#include "gateway/edge/header.h"
#include "gateway/envelope.h"
#include "gateway/local/local_route.h"
#include "rpc/client.h"

// What a request is answered with: a status and an HTTP response, not sent yet.

struct reply {
    struct MHD_Response *response; // owned; NULL: none yet
    int http_status;
    int code;                 // of gRPC
    enum reason reason;       // of an error, if it is one of ours
    bool has_other_reason;    // it is another's
    const char *other_reason; // which, of an error without a stream before it; else NULL
    size_t body_bytes;
    size_t held_bytes; // of memory; more than body_bytes if the body is not sent
};

// What of a request its reply depends on beside the result. Borrows all.
struct reply_request {
    struct arena *arena; // the request's
    const struct edge *edge;
    struct slice method;
    struct http_headers headers;
    struct slice request_id;
};

// What a success says of its body.
struct reply_content {
    // The message's part of the body, without the envelope: what the ETag is of.
    size_t data_begin;
    size_t data_end;
    bool is_http_body;         // a google.api.HttpBody instead of JSON,
    struct slice content_type; // of this type
};

// A 200 with a complete body, of which it takes the bytes; compressed if the client
// takes that and it is worth it. To GET and HEAD with an ETag; then 304 without a body
// if If-None-Match has it.
struct reply reply_success(const struct reply_request *request, struct strbuf *body,
                           const struct reply_content *content);

// A page of the gateway's own (gateway/local/local_route.h); the same as reply_success has it
// with an ETag, compression and 304.
struct reply reply_local(const struct reply_request *request, const struct local_reply *page);

// The reply of an error, with the headers that its status asks for. upstream, which may
// be NULL, as envelope_append_error has it.
struct reply reply_error(const struct reply_request *request, const struct error *error,
                         const struct rpc_status_source *upstream);

// Says of a reply why it is an error, for those who count.
void reply_set_reason(struct reply *reply, const struct error *error);

// A 204 that lists the verbs of a path, to a browser's preflight as CORS has it; allow
// is the list as routes have it ("GET, POST").
struct reply reply_options(const struct reply_request *request, const char *allow);

// A 204 of a call that has nothing to say; vary as reply_add_headers has it.
struct reply reply_no_content(const struct reply_request *request, const char *vary);

// Adds what every reply has, whatever its body: X-Request-Id, Cache-Control, Vary and
// the CORS headers. vary, which may be NULL, is what the reply differs by beside Origin.
void reply_add_headers(const struct reply_request *request, struct MHD_Response *response,
                       const char *cache_control, const char *vary);

// Adds the metadata of the upstream's reply that are mapped to headers; those that fit
// in no header are dropped and logged.
void reply_add_metadata(const struct reply_request *request, struct reply *reply,
                        const struct rpc_client_call *call);

// Adds Idempotency-Replayed if the metadata of the upstream's reply say that it is that of an
// earlier request with the same key.
void reply_add_replayed(const struct reply_request *request, struct reply *reply,
                        const struct rpc_client_call *call);

// Adds RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers), the values of the
// metadata of these keys of the upstream's reply or error; what is empty, or no text, is left out.
#define REPLY_LIMIT_POLICY "ratelimit-policy"
#define REPLY_LIMIT_STATE  "ratelimit"
void reply_add_limits(const struct reply_request *request, struct MHD_Response *response,
                      struct slice policy, struct slice state);

// The same as reply_add_metadata for one pair: a rpc_metadata_visitor with a struct reply_visit.
struct reply_visit {
    const struct reply_request *request;
    struct MHD_Response *response;
};
void reply_visit_metadata(void *visit, struct slice key, struct slice value);

// A Content-Type that came from the upstream, as C text in a: application/octet-stream
// if it is empty or fits in no header.
const char *reply_content_type(struct arena *a, struct slice content_type);

// Adds "Connection: Keep-Alive" and Keep-Alive with what is given, "timeout=75" say, which
// clients go by that close idle connections before us.
void reply_keep_connection(struct reply *reply, const char *keep_alive);

// Adds "Connection: close".
void reply_close_connection(struct reply *reply);

// Lets go of the response. Queueing keeps it alive by itself.
void reply_release(struct reply *reply);

#endif
