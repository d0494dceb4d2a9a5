#ifndef RUNSD_SERVER_SERVICE_SERVICE_METHOD_H
#define RUNSD_SERVER_SERVICE_SERVICE_METHOD_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "rpc/server.h"
#include "server/service/service_call.h"
#include "server/service/service_stream.h"

// The methods of the product, each in a file of server/service/methods/: METHOD.c defines
// `const struct service_method METHOD_method`. What a method does and refuses stands in
// protos/runs/v1/.
struct service_method {
    const char *path;        // "/runs.v1.RunsService/GetRun"
    enum scope scope;        // what the caller's token must have
    bool is_read;            // as in struct rpc_method
    size_t most_reply_bytes; // as in struct rpc_method
    const ProtobufCMessageDescriptor *request_type;
    size_t call_bytes; // of the method's struct, whose first member is a struct service_call
    // Called once a caller is known and the request is a message of request_type, which
    // lives in the call's arena. Returns the error that refuses the call; or NULL once the
    // call was handed on (service_call_store) or has its reply.
    const struct error *(*serve)(struct service_call *call, const void *request);
    // Of a method that streams its replies, else NULL: its struct's first member is a struct
    // service_stream, whose call serve gets, and serve begins it (service_stream_begin) or refuses
    // the call. The request, its bytes too, lives until serve returns. call_bytes is not used.
    const struct service_stream_kind *stream;
    bool has_own_limit; // as in struct rpc_method
};

// All of them, by the names of their files. Made by Bazel of the files.
extern const struct service_method *const service_methods[];
extern const size_t service_methods_count;

// A method and what it works with.
struct service_binding {
    const struct service_method *method;
    const struct service *service;
};

// Makes of a method what a gRPC server serves. *ret_binding is kept by it: it must live as
// long as the server.
struct rpc_method service_method_bind(const struct service_method *method,
                                      const struct service *service,
                                      struct service_binding *ret_binding);

#endif
