#include "server/service/call_cause.h"

#include "rpc/server_peer.h"

struct event_cause call_cause(const struct service_call *call, const char *reason) {
    return (struct event_cause){
        .actor = slice_of_cstr(call->identity.name),
        .reason = slice_of_cstr(reason),
        .request_id = call->request_id,
        .remote_address = rpc_server_call_client_address(call->rpc),
        .idempotency_key = SLICE_EMPTY,
    };
}
