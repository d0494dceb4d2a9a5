#ifndef RUNSD_GATEWAY_HTTP_TIMEOUT_REPLY_H
#define RUNSD_GATEWAY_HTTP_TIMEOUT_REPLY_H

#include "base/slice.h"
#include "gateway/gateway.h"

// Writes a whole "408 Request Timeout" to the connection fd and ends it in both
// directions. libmicrohttpd would close without a word, and has no way to reply
// before a request is complete; so this goes past it, and may only be done while it
// has nothing to send: while a request is being received. Does not block; what does
// not fit into the socket is not sent.
void timeout_reply_send(int fd, enum envelope_kind kind, struct slice request_id);

#endif
