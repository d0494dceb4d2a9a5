#include "server/service/call_key.h"

#include "server/domain/idempotency.h"

const struct error *call_key_set(const struct service_call *call, const char *request_id,
                                 const ProtobufCMessage *request, const uint32_t *left_out,
                                 struct idempotency *ret_key, struct event_cause *cause) {
    if (request_id[0] == '\0') {
        return NULL;
    }
    const struct error *error = idempotency_check_key(call->arena, request_id);
    if (error != NULL) {
        return error;
    }
    const struct keyed_request keyed = {
        .organization = call->organization,
        .token = slice_of_cstr(call->identity.name),
        .key = request_id,
        .method_path = rpc_server_call_method(call->rpc)->path,
        .message = request,
        .left_out = left_out,
    };
    *ret_key = idempotency_of(call->arena, &keyed);
    ret_key->oldest_us = service_now_us(call->service) -
                         __atomic_load_n(&call->service->idempotency_ttl_us, __ATOMIC_RELAXED);
    cause->idempotency_key = slice_of_cstr(request_id);
    return NULL;
}

void call_key_mark_replayed(struct service_call *call) {
    static const char text[] = "true";
    static const struct rpc_metadata replayed = {"idempotency-replayed",
                                                 {(const uint8_t *)text, sizeof(text) - 1}};
    rpc_server_call_set_reply_metadata(call->rpc, &replayed, 1);
}
