#ifndef RUNSD_GATEWAY_EDGE_HEAD_LAYOUT_H
#define RUNSD_GATEWAY_EDGE_HEAD_LAYOUT_H

#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "gateway/edge/header.h"
#include "gateway/edge/request_head.h"

// Whether a request's head was spelled as RFC 9112 wants it. libmicrohttpd takes
// bare LF, folded lines, several spaces and NUL as well, which another server on the
// way may read otherwise (request smuggling), and hides from its callers that it did.
// But it parses in place: the strings that it hands out are the received bytes, with
// NUL where a separator was. So what lies between them shows how the head was sent.
// Pure.

// A header as libmicrohttpd hands it out, without the white space that it leaves behind
// the value (RFC 9112 section 5.1). Transfer-Encoding keeps it: libmicrohttpd frames the
// body by the value with it, so the gateway must not read another one.
struct http_header head_layout_header(struct slice name, struct slice value);

// The strings as libmicrohttpd handed them out, not copies.
struct head_layout {
    struct slice bytes; // from the method to the end of the empty line
    struct slice method;
    struct slice target;
    struct slice version;
    const struct http_header *headers; // in the order received
    size_t header_count;
};

// INVALID_ARGUMENT / HEADER_INVALID, in a, if anything but this was received:
// "METHOD SP target SP version CRLF", "name:[white space]value[white space] CRLF" for
// each header, CRLF.
const struct error *head_layout_check(struct arena *a, const struct head_layout *layout);

#endif
