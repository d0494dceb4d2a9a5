#ifndef RUNSD_SERVER_SERVICE_TOKENS_SERVICE_H
#define RUNSD_SERVER_SERVICE_TOKENS_SERVICE_H

#include "rpc/server.h"

// runs.v1.TokensService; what each method does and refuses stands in
// protos/runs/v1/tokens_service.proto. `service` is a struct service.

enum { TOKENS_SERVICE_METHODS = 4 };

struct service;

// Fills methods[0..TOKENS_SERVICE_METHODS).
void tokens_service_methods(struct service *service, struct rpc_method *ret_methods);

#endif
