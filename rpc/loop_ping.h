#ifndef RUNSD_RPC_LOOP_PING_H
#define RUNSD_RPC_LOOP_PING_H

#include "base/process/watchdog.h"
#include "rpc/loop.h"

// Has a watchdog ask a loop of gRPC core whether it still turns.
struct rpc_loop_ping {
    struct watchdog_loop watched;
    struct rpc_task task;
    struct rpc_loop *loop;
};

// Adds the loop, whose name is for the log, to the watchdog. *ping is left where it is until
// watchdog_free; the loop is not freed before watchdog_stop_asking.
void rpc_loop_ping_add(struct rpc_loop_ping *ping, struct watchdog *watchdog, const char *name,
                       struct rpc_loop *loop);

#endif
