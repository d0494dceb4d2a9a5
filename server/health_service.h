#ifndef RUNSD_SERVER_HEALTH_SERVICE_H
#define RUNSD_SERVER_HEALTH_SERVICE_H

#include <stdatomic.h>

#include "rpc/server.h"

// grpc.health.v1.Health/Check (https://github.com/grpc/grpc/blob/master/doc/health-checking.md):
// readiness, without a token. SERVING for "" and for each service by name while
// ready, NOT_SERVING when it stops or the store has failed; NOT_FOUND for a service
// that is not served.

struct service;

struct health_service {
    const struct service *service;
    atomic_bool ready;
};

enum { HEALTH_SERVICE_METHODS = 1 };

// Fills methods[0..HEALTH_SERVICE_METHODS).
void health_service_methods(struct health_service *health, struct rpc_method *ret_methods);

#endif
