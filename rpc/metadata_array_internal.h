#ifndef RUNSD_RPC_METADATA_ARRAY_INTERNAL_H
#define RUNSD_RPC_METADATA_ARRAY_INTERNAL_H

#include <grpc/grpc.h>
#include <stdbool.h>

#include "base/core/slice.h"
#include "rpc/metadata.h"

// Received metadata, as gRPC core hands it out. Keys are lower case; values are viewed, not
// copied.

// The first value of key; returns false if there is none.
bool rpc_metadata_array_find(const grpc_metadata_array *metadata, const char *key,
                             struct slice *ret_value);

// How many values key has.
int rpc_metadata_array_count(const grpc_metadata_array *metadata, const char *key);

// Calls each for every pair, in order.
void rpc_metadata_array_each(const grpc_metadata_array *metadata, rpc_metadata_visitor *each,
                             void *context);

#endif
