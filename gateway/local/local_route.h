#ifndef RUNSD_GATEWAY_LOCAL_LOCAL_ROUTE_H
#define RUNSD_GATEWAY_LOCAL_LOCAL_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "gateway/edge/header.h"

// A page that the gateway answers by itself, without a call upstream: a row of a table
// (gateway/local/local_table.c). The served API comes first: the table is looked at only for a
// method and path that the API has no route for. Such requests take no place among the calls
// in flight, and what they send as a body is dropped. Pure.

// Bytes that are kept to be sent, with their gzip (empty: none) and their ETag.
struct local_stored {
    struct slice body;
    struct slice gzip;
    const char *etag;
};

// What a page may depend on. Borrows all.
struct local_request {
    struct slice method;
    struct slice query; // raw, without the mark, not checked
    struct http_headers headers;
    bool is_ready;    // whether calls would be served; only if the row asks for it
    const void *data; // the row's
    // The OpenAPI document of the API that the request began with; static for its page.
    struct local_stored openapi;
};

// A header that a page has beside those that all have.
struct local_header {
    const char *name;
    const char *value;
};

// A page, as it is sent. X-Request-Id, Vary, the CORS headers and, where the status asks for
// them, Retry-After and WWW-Authenticate are added to it.
struct local_reply {
    int http_status;
    enum status_code code;     // what the access log says
    const char *media_type;    // NULL: there is no body
    const char *cache_control; // NULL: "no-store"
    // In the arena; or, if it is static, valid until the process ends, or of the request's API:
    // then it is sent from where it is, however large it is.
    struct slice body;
    bool is_static;
    // Of static bodies, in the same way. gzip: the body compressed, for those who accept it;
    // empty: there is none. etag, with its quotes: a client that has it is answered 304.
    struct slice gzip;
    const char *etag; // NULL: none
    // How long the body is that gzip holds, if it is static and body is empty: it is inflated
    // while it is sent to those who do not accept gzip. 0: body has it.
    size_t gzip_plain_bytes;
    const struct local_header *headers; // static
    size_t header_count;
};

struct local_route {
    const char *path;  // as it is requested, nothing escaped: "/healthz"
    const char *verbs; // "GET" or "GET, POST"; HEAD comes with GET, OPTIONS with all
    // Makes the page: on the HTTP thread, must not block. *ret_reply is zero, arena the
    // request's.
    void (*answer)(const struct local_request *request, struct arena *arena,
                   struct local_reply *ret_reply);
    bool needs_readiness; // the request waits until it is known whether calls are served
    // Only for callers whom the upstream knows. Where there is no way to know
    // (gateway_authorizer, gateway/api.h), there is no such page.
    bool needs_token;
    const char *help; // one line: what it is for
    // Only for those whose Accept names text/html, as a browser's that is led somewhere does:
    // for all others there is no such page.
    bool is_for_browsers;
    const void *data; // passed on to answer
    // Balancers ask it again and again: it has no span, and is logged at info only where it fails.
    bool is_probe;
};

struct local_table {
    const struct local_route *routes;
    size_t count;
};

// The row of a path, which is compared byte by byte; NULL if there is none.
const struct local_route *local_table_find(const struct local_table *table, struct slice path);

// Whether a request of this method is for the row's page.
bool local_route_takes(const struct local_route *route, struct slice method);

// Whether these headers are those of somebody for whom the row's page is there.
bool local_route_is_for(const struct local_route *route, struct http_headers headers);

#endif
