#ifndef RUNSD_RPC_LOG_H
#define RUNSD_RPC_LOG_H

#include "base/log.h"

// Has gRPC core's own log written to logger, at WARN what gRPC calls an error (a
// failure that matters to us comes back as one; what is left concerns a peer); the
// rest is dropped, since it may hold tokens. *logger is copied (its program must live
// on, a literal say); NULL: nothing is written.
//
// The exception to "no global variables": gRPC core has one log function for the
// process, without a context argument, so the logger is kept in a global too.
void rpc_log_redirect(const struct logger *logger);

#endif
