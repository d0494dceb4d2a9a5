#ifndef RUNSD_GATEWAY_CONNECTION_CLIENT_HELLO_H
#define RUNSD_GATEWAY_CONNECTION_CLIENT_HELLO_H

#include <stdbool.h>

#include "base/core/slice.h"

// What a client offers with the first message of a handshake (RFC 8446 section 4.1.2), as far as it
// tells a handshake that cannot come to an end: GnuTLS ends such a one too, but libmicrohttpd tells
// the client nothing then. Pure.
struct client_hello {
    bool has_version;      // TLS 1.2 or 1.3
    bool has_suite;        // one of those that we have, whatever key it is for
    bool offers_protocols; // ALPN
    bool offers_http;      // http/1.1 among them
};

// Reads the message, without its header. Returns false, and leaves *ret_hello as it was, if it is
// none: that is for GnuTLS to judge.
bool client_hello_read(struct slice message, struct client_hello *ret_hello);

#endif
