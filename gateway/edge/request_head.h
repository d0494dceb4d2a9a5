#ifndef RUNSD_GATEWAY_EDGE_REQUEST_HEAD_H
#define RUNSD_GATEWAY_EDGE_REQUEST_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "gateway/edge/header.h"
#include "gateway/options.h"

// The part of a header's name that a message may show: at most 100 bytes, and never
// what follows "authorization" in it, because libmicrohttpd 0.9.75 appends a folded
// line to the name.
struct slice http_header_shown_name(struct slice name);

// As received, duplicates kept.
struct request_head {
    struct slice method;
    struct slice target;
    bool http_1_1; // or a later 1.x
    const struct http_header *headers;
    size_t header_count;
};

struct request_facts {
    bool is_http_1_1;   // or a later 1.x
    bool is_persistent; // the client keeps the connection (RFC 9112 section 9.3)
    struct slice path;
    struct slice query;
    bool has_content_length;
    uint64_t content_length;
    bool is_chunked;
    bool media_type_is_json; // or absent
    struct slice content_type;
    bool is_gzip;                  // the only coding is gzip
    struct slice content_encoding; // the first that is neither gzip alone nor identity, or empty
    struct slice request_id;       // a valid one, or empty
    struct slice authorization;    // empty if none
    bool has_authorization;
    int64_t timeout_ms; // 0: none asked
};

// Refuses a head that is too large, or that two servers may read differently, or
// whose deadline headers are malformed. Pure. ret borrows from head. Errors, in a,
// of the domain "gateway.v1" and code INVALID_ARGUMENT, by their reasons:
//   URL_TOO_LONG, HEADERS_TOO_LARGE   limits->url_bytes, limits->header_bytes; so many
//                                     headers that head_room_holds fails
//   HEADER_INVALID                    the message names the header
//   EXPECTATION_FAILED                "expect" wants more than "100-continue"
//   BODY_TOO_LARGE                    by Content-Length, limits->body_bytes; the head is
//                                     sound and ret is complete but for timeout_ms
// On failure ret->request_id is still set if valid.
const struct error *request_head_check(struct arena *a, const struct request_head *head,
                                       const struct gateway_limits *limits,
                                       struct request_facts *ret);

#endif
