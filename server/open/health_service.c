#include "server/open/health_service.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "grpc/health/v1/health.pb-c.h"
#include "server/domain/message_guard.h"
#include "server/service/service_call.h"
#include "server/service/service_stream.h"

// What holds, as bits.
enum condition { READY = 1, FAILED = 2, NO_READS = 4, NO_CHANGES = 8 };

// What a name in a request stands for. Everything has one status; changes have their own.
enum subject { SUBJECT_NONE, SUBJECT_ALL, SUBJECT_CHANGES };

enum { NOTHING_SENT = -1, RESPONSE_SIZE = 16 };

struct health_service {
    const struct service *service;
    atomic_uint conditions; // of enum condition
    struct service_stream_group watches;
};

// One Watch.
struct health_watch {
    struct service_stream stream; // first
    struct health_service *health;
    enum subject subject;
    int sent; // the last status
};

static enum subject subject_of(const char *name) {
    static const char *const names[] = {"",
                                        "runs.v1.RunsService",
                                        "runs.v1.TokensService",
                                        "runs.v1.BulkCancelsService",
                                        "runs.v1.OrganizationsService",
                                        "grpc.health.v1.Health",
                                        "grpc.reflection.v1.ServerReflection",
                                        "grpc.reflection.v1alpha.ServerReflection"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            return SUBJECT_ALL;
        }
    }
    return strcmp(name, "runs.v1.RunsService/changes") == 0 ? SUBJECT_CHANGES : SUBJECT_NONE;
}

static Grpc__Health__V1__HealthCheckResponse__ServingStatus status_of(struct health_service *health,
                                                                      enum subject subject) {
    unsigned conditions = atomic_load(&health->conditions);
    if (subject == SUBJECT_NONE) {
        return GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN;
    }
    if (subject != SUBJECT_CHANGES) {
        conditions &= ~(unsigned)NO_CHANGES;
    }
    return conditions == READY
               ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
               : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
}

bool health_service_is_serving(struct health_service *health) {
    return status_of(health, SUBJECT_ALL) ==
           GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
}

static struct slice encode(Grpc__Health__V1__HealthCheckResponse__ServingStatus status,
                           uint8_t buffer[RESPONSE_SIZE]) {
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    response.status = status;
    return slice_of(buffer, protobuf_c_message_pack(&response.base, buffer));
}

// The name that a request asks for.
static const struct error *read_name(struct service_call *call, const char **ret_name) {
    ProtobufCMessage *message = NULL;
    const struct error *error =
        message_unpack(call->arena, &grpc__health__v1__health_check_request__descriptor,
                       rpc_server_call_request(call->rpc), &message);
    if (error == NULL) {
        *ret_name = ((const Grpc__Health__V1__HealthCheckRequest *)message)->service;
    }
    return error;
}

static void check(void *context, struct rpc_server_call *rpc) {
    struct health_service *health = context;
    struct service_call *call = service_call_begin_open(health->service, rpc, sizeof(*call));
    const char *name = NULL;
    const struct error *error = read_name(call, &name);
    enum subject subject = error == NULL ? subject_of(name) : SUBJECT_NONE;
    if (error == NULL && subject == SUBJECT_NONE) {
        error = error_new(call->arena, STATUS_NOT_FOUND, REASON_SERVICE_UNKNOWN,
                          "there is no service \"%.200s\"", name);
    }
    if (error != NULL) {
        service_call_fail(call, error);
        return;
    }
    uint8_t buffer[RESPONSE_SIZE];
    struct slice bytes = encode(status_of(health, subject), buffer);
    service_call_reply(call, &bytes, 1);
}

// --- watching ---

// Sends the status unless that is what was sent last. While a message has not gone out it
// sends nothing, so that a slow client gets the newest status next.
static void send_news(struct service_stream *stream) {
    struct health_watch *watch = CONTAINER_OF(stream, struct health_watch, stream);
    Grpc__Health__V1__HealthCheckResponse__ServingStatus status =
        status_of(watch->health, watch->subject);
    if (watch->sent == (int)status) {
        return;
    }
    uint8_t buffer[RESPONSE_SIZE];
    struct slice bytes = encode(status, buffer);
    if (service_stream_send(stream, &bytes, 1)) {
        watch->sent = (int)status;
    }
}

static const struct service_stream_kind watch_kind = {
    .bytes = sizeof(struct health_watch),
    .is_open = true,
    .more = send_news,
    .stopping = send_news, // the stop itself, if it was not sent yet
};

static void watch_method(void *context, struct rpc_server_call *rpc) {
    struct health_service *health = context;
    struct service_stream *stream = service_stream_open(health->service, rpc, &watch_kind);
    const char *name = NULL;
    const struct error *error = read_name(&stream->call, &name);
    if (error != NULL) {
        service_call_fail(&stream->call, error);
        return;
    }
    struct health_watch *watch = CONTAINER_OF(stream, struct health_watch, stream);
    watch->health = health;
    watch->subject = subject_of(name);
    watch->sent = NOTHING_SENT;
    service_stream_begin(stream, &health->watches);
}

// --- changes ---

static void set_condition(struct health_service *health, enum condition condition, bool holds) {
    unsigned before = holds ? atomic_fetch_or(&health->conditions, (unsigned)condition)
                            : atomic_fetch_and(&health->conditions, ~(unsigned)condition);
    if (((before & (unsigned)condition) != 0) != holds) {
        service_stream_group_wake(&health->watches);
    }
}

void health_service_set_serving(struct health_service *health, bool is_serving) {
    set_condition(health, READY, is_serving);
}

void health_service_set_reads(struct health_service *health, bool works) {
    set_condition(health, NO_READS, !works);
}

void health_service_set_changes(struct health_service *health, bool works) {
    set_condition(health, NO_CHANGES, !works);
}

void health_service_look(struct health_service *health, bool ret_holds[HEALTH_CHECKS]) {
    unsigned conditions = atomic_load(&health->conditions);
    ret_holds[HEALTH_STARTED] = (conditions & READY) != 0;
    ret_holds[HEALTH_STORE_ALIVE] = (conditions & FAILED) == 0;
    ret_holds[HEALTH_STORE_READS] = (conditions & NO_READS) == 0;
    ret_holds[HEALTH_STORE_CHANGES] = (conditions & NO_CHANGES) == 0;
}

void health_service_fail(struct health_service *health) {
    set_condition(health, FAILED, true);
}

struct health_service *health_service_new(const struct service *service) {
    struct health_service *health = mem_zalloc(sizeof(*health));
    health->service = service;
    atomic_init(&health->conditions, 0);
    service_stream_group_init(&health->watches);
    return health;
}

void health_service_free(struct health_service *health) {
    if (health == NULL) {
        return;
    }
    service_stream_group_destroy(&health->watches);
    free(health);
}

void health_service_methods(struct health_service *health, struct rpc_method *ret_methods) {
    ret_methods[0] = (struct rpc_method){.path = "/grpc.health.v1.Health/Check",
                                         .handle = check,
                                         .service = health,
                                         .is_probe = true};
    ret_methods[1] = (struct rpc_method){.path = "/grpc.health.v1.Health/Watch",
                                         .handle = watch_method,
                                         .service = health,
                                         .kind = RPC_SERVER_STREAM,
                                         .is_anonymous = true,
                                         .is_probe = true};
}
