#ifndef RUNSD_GATEWAY_HTTP_REQUEST_HEAD_H
#define RUNSD_GATEWAY_HTTP_REQUEST_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "gateway/gateway.h"

struct http_header {
    struct slice name;
    struct slice value;
};

// As received, duplicates kept.
struct request_head {
    struct slice method;
    struct slice target;
    bool http_1_1;
    const struct http_header *headers;
    size_t header_count;
};

struct request_facts {
    struct slice path;
    struct slice query;
    bool has_content_length;
    uint64_t content_length;
    bool is_chunked;
    bool media_type_is_json; // or absent
    struct slice content_type;
    struct slice request_id;    // a valid one, or empty
    struct slice authorization; // empty if none
    bool has_authorization;
    int64_t timeout_ms; // 0: none asked
};

// 400 HEADER_INVALID, 414, 431, 413 by Content-Length; domain "gateway.v1". On
// failure ret->request_id is still set if valid.
const struct error *request_head_check(struct arena *a, const struct request_head *head,
                                       const struct gateway_limits *limits,
                                       struct request_facts *ret);

#endif
