#ifndef RUNSD_GATEWAY_HTTP_INFLATED_RESPONSE_H
#define RUNSD_GATEWAY_HTTP_INFLATED_RESPONSE_H

#include <microhttpd.h>
#include <stddef.h>

#include "base/core/slice.h"

// A response whose body is gzip's content (RFC 1952), plain_bytes long, inflated piece by
// piece as the socket takes it: however large it is, it holds some 64 KiB. gzip is borrowed
// until the response is destroyed. A content that is no gzip of that length, or breaks off,
// ends the connection. NULL: out of memory.
struct MHD_Response *inflated_response(struct slice gzip, size_t plain_bytes);

#endif
