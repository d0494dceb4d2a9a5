#ifndef RUNSD_GATEWAY_ENVELOPE_H
#define RUNSD_GATEWAY_ENVELOPE_H

#include "base/error.h"
#include "base/slice.h"
#include "base/strbuf.h"

// The one JSON object that every reply of the gateway is (docs/API.md). Pure.

// The HTTP status of a gRPC status code: as google.rpc.Code says, but
// FAILED_PRECONDITION is 409. 500 for a number that is no code.
int envelope_http_status(int code);

// The HTTP status of an error: envelope_http_status of its code, save for the
// gateway's own reasons that HTTP has a status for (METHOD_NOT_ALLOWED 405,
// BODY_TOO_LARGE 413, ...).
int envelope_error_http_status(const struct error *error);

// Appends what stands before the data of a 200 reply: {"code":200,"data":
void envelope_begin(struct strbuf *out);

// Appends what stands behind it: ,"message":"success","requestId":"..."}
void envelope_end(struct strbuf *out, struct slice request_id);

// Appends the whole reply of an error.
void envelope_append_error(struct strbuf *out, const struct error *error, int http_status,
                           struct slice request_id);

#endif
