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

struct rpc_method service_method_bind(const struct service_method *method,
                                      const struct service *service,
                                      struct service_binding *ret_binding) {
    *ret_binding = (struct service_binding){.method = method, .service = service};
    return (struct rpc_method){
        .path = method->path,
        .handle = serve,
        .service = ret_binding,
        .is_read = method->is_read,
        .most_reply_bytes = method->most_reply_bytes,
    };
}
