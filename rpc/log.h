#ifndef RUNSD_RPC_LOG_H
#define RUNSD_RPC_LOG_H

#include "base/log/log.h"

// Has gRPC core's own log written to logger. Nothing of its text is, since it holds what
// peers sent, tokens in hex among it: for lines that are known (no descriptor left, a
// failed handshake, too many pings) our own text, for others only file and line, at WARN
// what gRPC calls an error (a failure that matters to us comes back as one). Lines below
// errors are dropped, but for the one that a client's connection is ended because of its pings.
// *logger is copied (its program and its sink must live on); NULL: nothing is written.
// When it returns, the logger before is not used any more.
//
// The exception to "no global variables": gRPC core has one log function for the
// process, without a context argument, so the logger is kept in a global too.
void rpc_log_redirect(const struct logger *logger);

#endif
