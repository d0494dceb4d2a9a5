#ifndef RUNSD_GATEWAY_REFLECTION_REFLECTION_H
#define RUNSD_GATEWAY_REFLECTION_REFLECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "base/log/log.h"
#include "rpc/client.h"

// Fetches the descriptors of everything that a gRPC server serves, by
// grpc.reflection.v1.ServerReflection or, from a server that has only that, v1alpha
// (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md).

struct reflection_options {
    const struct logger *log; // logs services that have no descriptors
    struct rpc_channel *upstream;
    int64_t timeout_ms;        // for all calls together
    bool (*should_stop)(void); // called repeatedly while waiting; NULL: never stops
};

// Fetches the files of all services, of the enum ErrorReason of their packages, if the server knows
// one, and what these import, as a serialized
// google.protobuf.FileDescriptorSet in a. The services of reflection and health
// checking themselves are left out, as are those that the server lists but cannot
// describe. Blocks; not on the channel's loop. Errors:
//   UNIMPLEMENTED       the server has no reflection
//   FAILED_PRECONDITION it serves nothing else
//   INVALID_ARGUMENT    replies that are malformed, that lack what was requested or
//                       that have a file twice with different contents
//   RESOURCE_EXHAUSTED  more than 1,000 services, 4,000 files or 64 MiB
//   CANCELLED           should_stop returned true
//   other codes         the status that the server sent, or why it could not be reached
//                       (UNAVAILABLE, DEADLINE_EXCEEDED)
const struct error *reflection_fetch(struct arena *a, const struct reflection_options *options,
                                     struct slice *ret_descriptor_set);

#endif
