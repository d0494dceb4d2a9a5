#ifndef RUNSD_RPC_LIBRARIES_H
#define RUNSD_RPC_LIBRARIES_H

#include "base/core/build_info.h"

// Adds the libraries that calls are made with: gRPC core, OpenSSL (its TLS), zlib.
void rpc_libraries_add(struct build_libraries *libraries);

#endif
