#ifndef RUNSD_RPC_SERVER_PARTING_INTERNAL_H
#define RUNSD_RPC_SERVER_PARTING_INTERNAL_H

#include "rpc/server_core_internal.h"

// Answers the unary calls that handlers still have when a drain is over, as rpc_server_stop
// says; what the handlers answer later goes nowhere. RPC_SERVER_PARTED is reached once these
// answers were sent. On the loop's thread, once.
void rpc_server_parting_give_up(struct rpc_server *server);

#endif
