#ifndef RUNSD_GATEWAY_RPC_STATUS_JSON_H
#define RUNSD_GATEWAY_RPC_STATUS_JSON_H

#include <stdbool.h>

#include "base/core/error.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"

// Appends the JSON object of a message of the named type; returns false, and appends
// nothing, if the type is not known or the bytes are malformed.
typedef bool rpc_status_message_json(void *context, struct slice full_name, struct slice message,
                                     struct strbuf *out);

// The google.rpc.Status that the upstream sent; all its details of known types are
// printed.
struct rpc_status_source {
    struct slice bytes; // borrowed; empty: none was sent
    rpc_status_message_json *message_json;
    void *context;
    int http_status; // that its reason has of the descriptors; 0: that of its code
};

// Appends error as the JSON of a google.rpc.Status: {"code":5,"message":"...",
// "details":[...]}. The details are those of upstream, if it has bytes; each one whose
// type is not known or whose bytes are malformed is left out. Otherwise they are made from
// error's members: google.rpc.ErrorInfo, BadRequest, ResourceInfo, RetryInfo. Source:
// google/rpc/status.proto, google/rpc/error_details.proto. Pure.
void rpc_status_json_append(struct strbuf *out, const struct error *error,
                            const struct rpc_status_source *upstream);

#endif
