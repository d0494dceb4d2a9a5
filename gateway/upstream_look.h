#ifndef RUNSD_GATEWAY_UPSTREAM_LOOK_H
#define RUNSD_GATEWAY_UPSTREAM_LOOK_H

#include "admin/admin.h"
#include "rpc/client.h"

// The check "upstream" of the admin listener: a thread asks the upstream's health service once a
// second, so that /readyz there answers at once, also while the upstream does not.

struct upstream_look;

// admin and upstream outlive it. NULL, which does nothing, if there is no admin listener.
struct upstream_look *upstream_look_start(struct admin *admin, struct rpc_channel *upstream);

// Removes the check. NULL is ignored.
void upstream_look_stop(struct upstream_look *look);

#endif
