#ifndef RUNSD_GATEWAY_RPC_STATUS_JSON_H
#define RUNSD_GATEWAY_RPC_STATUS_JSON_H

#include "base/core/error.h"
#include "base/core/strbuf.h"
#include "gateway/envelope.h"

// Appends error as the JSON of a google.rpc.Status: {"code":5,"message":"...",
// "details":[...]}. The details are those of upstream, if it has bytes; each one whose
// type is not known or whose bytes are malformed is left out. Else they are made of
// what error has: google.rpc.ErrorInfo, BadRequest, ResourceInfo, RetryInfo. Source:
// google/rpc/status.proto, google/rpc/error_details.proto. Pure.
void rpc_status_json_append(struct strbuf *out, const struct error *error,
                            const struct envelope_status *upstream);

#endif
