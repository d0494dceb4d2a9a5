#ifndef RUNSD_RPC_TARGET_INTERNAL_H
#define RUNSD_RPC_TARGET_INTERNAL_H

#include "base/core/arena.h"
#include "base/net/address.h"

// How gRPC core names address for connecting: a URI, with everything escaped that
// has a meaning there. Source: gRPC's doc/naming.md.
const char *rpc_target(struct arena *a, const struct address *address);

#endif
