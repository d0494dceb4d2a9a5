#ifndef RUNSD_GATEWAY_EDGE_IDEMPOTENCY_KEY_H
#define RUNSD_GATEWAY_EDGE_IDEMPOTENCY_KEY_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "gateway/edge/header.h"

// The header Idempotency-Key: under which key a request can be repeated. Pure. Source:
// https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/, where it is a string
// of RFC 8941 (section 3.3.3). Many clients send the key as it is, without quotes, so both are
// taken.

// Reads the header. *ret_key, in a or borrowed from headers, is set if it is there; *ret_is_given
// says so. INVALID_ARGUMENT / HEADER_INVALID, of the domain "gateway.v1": it is there twice, empty,
// has other bytes than printable ASCII, or begins with a quote and is no string.
const struct error *idempotency_key_read(struct arena *a, struct http_headers headers,
                                         bool *ret_is_given, struct slice *ret_key);

#endif
