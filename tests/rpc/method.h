// A method of a test's server: what it does not name is as a method has it that wants nothing
// more.

#ifndef RUNSD_TESTS_RPC_METHOD_H
#define RUNSD_TESTS_RPC_METHOD_H

extern "C" {
#include "rpc/method.h"
}

inline struct rpc_method Method(const char *path, rpc_handler *handle, void *service,
                                enum rpc_method_kind kind = RPC_UNARY) {
    struct rpc_method method = {};
    method.path = path;
    method.handle = handle;
    method.service = service;
    method.kind = kind;
    return method;
}

// The same of a method that changes nothing.
inline struct rpc_method ReadMethod(const char *path, rpc_handler *handle, void *service,
                                    enum rpc_method_kind kind = RPC_UNARY,
                                    size_t most_reply_bytes = 0) {
    struct rpc_method method = Method(path, handle, service, kind);
    method.is_read = true;
    method.most_reply_bytes = most_reply_bytes;
    return method;
}

#endif
