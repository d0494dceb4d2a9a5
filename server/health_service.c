#include "server/health_service.h"

#include "grpc/health/v1/health.pb-c.h"
#include "server/message_guard.h"
#include "server/service_call.h"

static bool is_served(const char *name) {
    static const char *const names[] = {"", "runs.v1.RunsService", "runs.v1.TokensService",
                                        "grpc.health.v1.Health"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void check(void *context, struct rpc_server_call *rpc) {
    struct health_service *health = context;
    struct service_call *call = service_call_begin_open(health->service, rpc);
    ProtobufCMessage *message = NULL;
    const struct error *error =
        message_unpack(call->arena, &grpc__health__v1__health_check_request__descriptor,
                       rpc_server_call_request(rpc), &message);
    if (error != NULL) {
        service_call_fail(call, error);
        return;
    }
    const char *name = ((const Grpc__Health__V1__HealthCheckRequest *)message)->service;
    if (!is_served(name)) {
        service_call_fail(call, error_new(call->arena, STATUS_NOT_FOUND, NULL,
                                          "there is no service \"%.200s\"", name));
        return;
    }
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    response.status = atomic_load(&health->ready)
                          ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
                          : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
    struct slice bytes = message_pack(call->arena, &response.base);
    service_call_reply(call, &bytes, 1);
}

void health_service_methods(struct health_service *health, struct rpc_method *ret_methods) {
    ret_methods[0] = (struct rpc_method){
        .path = "/grpc.health.v1.Health/Check", .handle = check, .service = health};
}
