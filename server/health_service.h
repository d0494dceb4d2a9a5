#ifndef RUNSD_SERVER_HEALTH_SERVICE_H
#define RUNSD_SERVER_HEALTH_SERVICE_H

#include <stdatomic.h>

#include "rpc/loop.h"
#include "rpc/server.h"

// grpc.health.v1.Health (https://github.com/grpc/grpc/blob/master/doc/health-checking.md
// and grpc/health/v1/health.proto): readiness, without a token. SERVING for "" and
// for each service by name while ready; NOT_SERVING before, when it stops, and for
// good once the store has failed. Of a service that is not served Check says
// NOT_FOUND, Watch sends SERVICE_UNKNOWN and stays open.

struct service;
struct health_watch;

struct health_service {
    const struct service *service;
    struct rpc_loop *loop; // the server's
    atomic_int state;      // enum in health_service.c
    atomic_bool is_change_posted;
    struct rpc_task changed;
    struct health_watch *watches; // of the loop's thread
};

enum { HEALTH_SERVICE_METHODS = 2 };

// Makes health NOT_SERVING. Both are borrowed; the loop must be freed before health.
void health_service_init(struct health_service *health, const struct service *service,
                         struct rpc_loop *loop);

// Fills methods[0..HEALTH_SERVICE_METHODS).
void health_service_methods(struct health_service *health, struct rpc_method *ret_methods);

// Changes what is told, and tells those who watch. Thread safe; until the loop is
// freed.
void health_service_set_serving(struct health_service *health, bool is_serving);

// NOT_SERVING from now on, whatever health_service_set_serving says. Thread safe.
void health_service_fail(struct health_service *health);

#endif
