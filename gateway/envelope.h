#ifndef RUNSD_GATEWAY_ENVELOPE_H
#define RUNSD_GATEWAY_ENVELOPE_H

#include <stdbool.h>

#include "base/core/error.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"
#include "gateway/options.h"
#include "gateway/rpc_status_json.h"

// The JSON that surrounds the message in every body that the gateway sends, in its two
// forms (docs/API.md). Pure.
//
//   ENVELOPE_RUNS  {"code":200,"data":MESSAGE,"message":"success","requestId":"..."}
//                  {"code":404,"message":"...","requestId":"...","error":{"status":
//                  "NOT_FOUND","reason":"...","metadata":{...}}}
//   ENVELOPE_NONE  MESSAGE, and google.rpc.Status as gRPC gateways send it:
//                  {"code":5,"message":"...","details":[{"@type":...}]}

// The HTTP status of a gRPC status code as google/rpc/code.proto says, except that
// ENVELOPE_RUNS has 409 for FAILED_PRECONDITION. 500 for a number that is no code.
int envelope_http_status(enum envelope_kind kind, int code);

// The HTTP status of an error: that of upstream, if it has one, else envelope_http_status of
// its code, except for the gateway's own reasons that HTTP has a status for
// (METHOD_NOT_ALLOWED 405, BODY_TOO_LARGE 413, ...). upstream may be NULL.
int envelope_error_http_status(enum envelope_kind kind, const struct error *error,
                               const struct rpc_status_source *upstream);

// Append what precedes the message of a 200 reply, and what follows it.
void envelope_begin(enum envelope_kind kind, struct strbuf *out);
void envelope_end(enum envelope_kind kind, struct strbuf *out, struct slice request_id);

// Appends the whole body of an error reply. upstream is the status that the upstream sent;
// NULL if the error is the gateway's own.
void envelope_append_error(enum envelope_kind kind, struct strbuf *out, const struct error *error,
                           const struct rpc_status_source *upstream, struct slice request_id);

// The same for one object of a stream, whose message stands between begin and end, and
// for the error that ends it. ENVELOPE_RUNS: the body of a reply; ENVELOPE_NONE:
// {"result":MESSAGE} and {"error":STATUS}. No line feed.
void envelope_stream_begin(enum envelope_kind kind, struct strbuf *out);
void envelope_stream_end(enum envelope_kind kind, struct strbuf *out, struct slice request_id);
void envelope_append_stream_error(enum envelope_kind kind, struct strbuf *out,
                                  const struct error *error,
                                  const struct rpc_status_source *upstream,
                                  struct slice request_id);

#endif
