#ifndef RUNSD_SERVER_OPEN_HEALTH_SERVICE_H
#define RUNSD_SERVER_OPEN_HEALTH_SERVICE_H

#include <stdbool.h>

#include "rpc/method.h"

// grpc.health.v1.Health (https://github.com/grpc/grpc/blob/master/doc/health-checking.md
// and grpc/health/v1/health.proto): readiness, without a token. SERVING for "" and
// for each service by name while ready; NOT_SERVING before, when it stops, and for
// good once the store has failed. Of a service that is not served Check says
// NOT_FOUND, Watch sends SERVICE_UNKNOWN and stays open.

struct service;
struct health_service;

enum { HEALTH_SERVICE_METHODS = 2 };

// NOT_SERVING at first. service is borrowed. Servers on any loops may serve it.
struct health_service *health_service_new(const struct service *service);

// After the servers that serve it were stopped. NULL is ignored.
void health_service_free(struct health_service *health);

// Fills methods[0..HEALTH_SERVICE_METHODS).
void health_service_methods(struct health_service *health, struct rpc_method *ret_methods);

// Changes whether the server is ready, and sends the change to the clients that watch.
// Thread safe.
void health_service_set_serving(struct health_service *health, bool is_serving);

// What Check says of "": whether it is SERVING. Thread safe.
bool health_service_is_serving(struct health_service *health);

// Whether parts of the store work, which they do at first. Thread safe.
void health_service_set_reads(struct health_service *health, bool works);
void health_service_set_changes(struct health_service *health, bool works);

// What readiness is made of.
enum health_check {
    HEALTH_STARTED,     // it serves: it has started, and is not stopping
    HEALTH_STORE_ALIVE, // the store has not failed for good
    HEALTH_STORE_READS,
    HEALTH_STORE_CHANGES, // without which reads are served all the same
    HEALTH_CHECKS,
};

// Which of them hold, at one moment. Thread safe.
void health_service_look(struct health_service *health, bool ret_holds[HEALTH_CHECKS]);

// NOT_SERVING from now on, whatever the others say. Thread safe.
void health_service_fail(struct health_service *health);

#endif
