#include "server/open/health_service.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "grpc/health/v1/health.pb-c.h"
#include "rpc/server_stream.h"
#include "server/domain/message_guard.h"
#include "server/service/service_call.h"

// What holds, as bits.
enum condition { READY = 1, FAILED = 2, NO_READS = 4, NO_CHANGES = 8 };

// What is told by name: all by one status, but changes.
enum subject { SUBJECT_NONE, SUBJECT_ALL, SUBJECT_CHANGES };

enum { NOTHING_SENT = -1, RESPONSE_SIZE = 16 };

struct health_service {
    const struct service *service;
    struct rpc_loop *loop;
    atomic_uint conditions; // of enum condition
    atomic_bool is_change_posted;
    struct rpc_task changed;
    struct health_watch *watches; // of the loop's thread
};

// One Watch. Lives in the call's arena.
struct health_watch {
    struct rpc_server_stream stream;
    struct health_service *health;
    struct service_call *call;
    struct health_watch *next;
    struct health_watch *previous;
    enum subject subject;
    bool is_writing;
    bool is_finished;
    int sent; // the last status
};

static enum subject subject_of(const char *name) {
    static const char *const names[] = {"",
                                        "runs.v1.RunsService",
                                        "runs.v1.TokensService",
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

// Sends the status unless that is what was sent last.
static void tell(struct health_watch *watch) {
    Grpc__Health__V1__HealthCheckResponse__ServingStatus status =
        status_of(watch->health, watch->subject);
    if (watch->is_writing || watch->is_finished || watch->sent == (int)status) {
        return;
    }
    watch->sent = (int)status;
    watch->is_writing = true;
    uint8_t buffer[RESPONSE_SIZE];
    struct slice bytes = encode(status, buffer);
    rpc_server_stream_write(&watch->stream, &bytes, 1);
}

static void written(struct rpc_server_stream *stream, bool ok) {
    (void)ok; // if not, cancelled comes
    struct health_watch *watch = CONTAINER_OF(stream, struct health_watch, stream);
    watch->is_writing = false;
    tell(watch);
}

static void finish(struct health_watch *watch, const struct error *error) {
    watch->is_finished = true;
    service_call_log(watch->call, error);
    rpc_server_stream_finish(&watch->stream, error);
}

static void cancelled(struct rpc_server_stream *stream) {
    struct health_watch *watch = CONTAINER_OF(stream, struct health_watch, stream);
    finish(watch, error_new(watch->call->arena, STATUS_CANCELLED, REASON_REQUEST_CANCELLED,
                            "nobody watches any more"));
}

static void stopping(struct rpc_server_stream *stream) {
    struct health_watch *watch = CONTAINER_OF(stream, struct health_watch, stream);
    tell(watch); // the stop itself, if it was not told yet
    finish(watch, rpc_server_stream_stopping_error(stream));
}

static void closed(struct rpc_server_stream *stream) {
    struct health_watch *watch = CONTAINER_OF(stream, struct health_watch, stream);
    if (watch->previous != NULL) {
        watch->previous->next = watch->next;
    } else {
        watch->health->watches = watch->next;
    }
    if (watch->next != NULL) {
        watch->next->previous = watch->previous;
    }
}

static void watch_method(void *context, struct rpc_server_call *rpc) {
    struct health_service *health = context;
    struct service_call *call = service_call_begin_open(health->service, rpc, sizeof(*call));
    const char *name = NULL;
    const struct error *error = read_name(call, &name);
    if (error != NULL) {
        service_call_fail(call, error);
        return;
    }
    struct health_watch *watch = ARENA_NEW(call->arena, struct health_watch);
    watch->stream.call = rpc;
    watch->stream.written = written;
    watch->stream.cancelled = cancelled;
    watch->stream.stopping = stopping;
    watch->stream.closed = closed;
    watch->health = health;
    watch->call = call;
    watch->subject = subject_of(name);
    watch->sent = NOTHING_SENT;
    watch->next = health->watches;
    if (watch->next != NULL) {
        watch->next->previous = watch;
    }
    health->watches = watch;
    rpc_server_stream_begin(&watch->stream);
    tell(watch);
}

// --- changes ---

static void tell_all(struct rpc_task *task) {
    struct health_service *health = CONTAINER_OF(task, struct health_service, changed);
    // First, so that a change from here on posts the task again.
    atomic_store(&health->is_change_posted, false);
    for (struct health_watch *watch = health->watches; watch != NULL; watch = watch->next) {
        tell(watch);
    }
}

static void post_change(struct health_service *health) {
    if (!atomic_exchange(&health->is_change_posted, true)) {
        rpc_loop_post(health->loop, &health->changed);
    }
}

static void set_condition(struct health_service *health, enum condition condition, bool holds) {
    unsigned before = holds ? atomic_fetch_or(&health->conditions, (unsigned)condition)
                            : atomic_fetch_and(&health->conditions, ~(unsigned)condition);
    if (((before & (unsigned)condition) != 0) != holds) {
        post_change(health);
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

void health_service_fail(struct health_service *health) {
    set_condition(health, FAILED, true);
}

struct health_service *health_service_new(const struct service *service, struct rpc_loop *loop) {
    struct health_service *health = mem_zalloc(sizeof(*health));
    health->service = service;
    health->loop = loop;
    atomic_init(&health->conditions, 0);
    atomic_init(&health->is_change_posted, false);
    health->changed.run = tell_all;
    return health;
}

void health_service_free(struct health_service *health) {
    free(health);
}

void health_service_methods(struct health_service *health, struct rpc_method *ret_methods) {
    ret_methods[0] = (struct rpc_method){
        .path = "/grpc.health.v1.Health/Check", .handle = check, .service = health};
    ret_methods[1] = (struct rpc_method){.path = "/grpc.health.v1.Health/Watch",
                                         .handle = watch_method,
                                         .service = health,
                                         .kind = RPC_SERVER_STREAM};
}
