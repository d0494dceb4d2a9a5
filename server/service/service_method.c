#include "server/service/service_method.h"

#include "server/domain/message_guard.h"

static void serve(void *context, struct rpc_server_call *rpc) {
    const struct service_binding *binding = context;
    const struct service_method *method = binding->method;
    struct service_call *call =
        service_call_begin(binding->service, rpc, method->scope, method->call_bytes);
    if (call == NULL) {
        return;
    }
    ProtobufCMessage *request = NULL;
    const struct error *error =
        message_unpack(call->arena, method->request_type, rpc_server_call_request(rpc), &request);
    if (error == NULL) {
        error = method->serve(call, request);
    }
    if (error != NULL) {
        service_call_fail(call, error);
    }
}

static void serve_stream(void *context, struct rpc_server_call *rpc) {
    const struct service_binding *binding = context;
    const struct service_method *method = binding->method;
    struct service_stream *stream = service_stream_open(binding->service, rpc, method->stream);
    if (stream == NULL) {
        return;
    }
    // Not the call's, which a stream keeps for as long as it lasts.
    struct arena a;
    arena_init(&a);
    ProtobufCMessage *request = NULL;
    const struct error *error =
        message_unpack(&a, method->request_type, rpc_server_call_request(rpc), &request);
    if (error == NULL) {
        error = method->serve(&stream->call, request);
    }
    if (error != NULL) {
        service_call_fail(&stream->call, error);
    } else {
        rpc_server_call_drop_request(rpc);
    }
    arena_release(&a);
}

struct rpc_method service_method_bind(const struct service_method *method,
                                      const struct service *service,
                                      struct service_binding *ret_binding) {
    *ret_binding = (struct service_binding){.method = method, .service = service};
    return (struct rpc_method){
        .path = method->path,
        .handle = method->stream != NULL ? serve_stream : serve,
        .service = ret_binding,
        .kind = method->stream != NULL ? RPC_SERVER_STREAM : RPC_UNARY,
        .is_read = method->is_read,
        .has_own_limit = method->has_own_limit,
        .most_reply_bytes = method->most_reply_bytes,
    };
}
