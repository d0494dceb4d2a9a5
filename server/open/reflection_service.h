#ifndef RUNSD_SERVER_OPEN_REFLECTION_SERVICE_H
#define RUNSD_SERVER_OPEN_REFLECTION_SERVICE_H

#include "rpc/server.h"
#include "server/open/descriptor_index.h"

// gRPC server reflection, grpc.reflection.v1 and v1alpha, whose messages are the same
// (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md). Needs no token:
// it shows the public contract and no data.
//
// list_services names the services of the server's methods. Files come with all that
// they import. What does not exist is answered within the stream, by an
// error_response with NOT_FOUND, and a request that asks for nothing by one with
// INVALID_ARGUMENT. A request that is not a valid message ends the stream with
// INVALID_ARGUMENT.

struct service;

struct reflection_service {
    const struct service *service;
    const struct descriptor_index *index;
    const struct rpc_method *methods; // of the whole server
    size_t method_count;
};

enum { REFLECTION_SERVICE_METHODS = 2 };

// Fills methods[0..REFLECTION_SERVICE_METHODS).
void reflection_service_methods(struct reflection_service *reflection,
                                struct rpc_method *ret_methods);

#endif
