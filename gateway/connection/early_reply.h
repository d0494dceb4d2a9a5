#ifndef RUNSD_GATEWAY_CONNECTION_EARLY_REPLY_H
#define RUNSD_GATEWAY_CONNECTION_EARLY_REPLY_H

#include "base/core/error.h"
#include "base/core/slice.h"
#include "gateway/connection/transport.h"
#include "gateway/options.h"

// Writes the whole reply of an error to a connection, and ends our direction.
// libmicrohttpd has no way to reply before a request is complete; so this goes past it,
// and may only be done on its thread and while it has nothing to send: while a request
// is being received. Does not block; what does not fit is not sent. What
// the client still sends is to be read for a moment: else a reset may overtake the reply
// (RFC 9112 section 9.6). Returns the HTTP status: 408 or 503.
int early_reply_send(const struct transport *transport, enum envelope_kind kind,
                     const struct error *error, struct slice request_id);

#endif
