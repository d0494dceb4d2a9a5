#ifndef RUNSD_RPC_SERVER_METRICS_H
#define RUNSD_RPC_SERVER_METRICS_H

#include "base/metrics/metrics.h"

// What the gRPC servers of a program count of their calls and connections, together: one set of
// families, which the options of each server name.

struct rpc_server_metrics;

// Adds the families to registry. If that is NULL nothing is counted.
struct rpc_server_metrics *rpc_server_metrics_new(struct metrics *registry);

// Once no server uses it. NULL is ignored.
void rpc_server_metrics_free(struct rpc_server_metrics *metrics);

#endif
