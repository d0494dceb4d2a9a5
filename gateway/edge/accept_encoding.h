#ifndef RUNSD_GATEWAY_EDGE_ACCEPT_ENCODING_H
#define RUNSD_GATEWAY_EDGE_ACCEPT_ENCODING_H

#include "gateway/edge/header.h"

// What a client takes, as Accept-Encoding says (RFC 9110 section 12.5.3), of the two
// that the gateway has.
enum accept_encoding {
    ACCEPT_IDENTITY,  // gzip is not wanted, or less than identity
    ACCEPT_GZIP,      // gzip is as good or better
    ACCEPT_GZIP_ONLY, // identity is refused
};

// Reads all Accept-Encoding headers together; none: ACCEPT_IDENTITY. A member that is
// malformed does not count. A client that refuses both gets ACCEPT_IDENTITY: to serve
// it is better than 406. Pure.
enum accept_encoding accept_encoding_read(struct http_headers headers);

#endif
