#ifndef RUNSD_RPC_SLICE_INTERNAL_H
#define RUNSD_RPC_SLICE_INTERNAL_H

#include <grpc/grpc.h>

#include "base/core/slice.h"

// Our slices and gRPC's, which own their bytes.

// Copies bytes into a gRPC slice that the caller owns.
grpc_slice rpc_slice_copy(struct slice bytes);

// The bytes of *s, which must stay where it is as long as the result is used.
struct slice rpc_slice_view(const grpc_slice *s);

#endif
