#ifndef RUNSD_SERVER_READINESS_H
#define RUNSD_SERVER_READINESS_H

#include "admin/admin.h"
#include "base/net/listener_guard.h"
#include "server/runsd.h"

// What /readyz of the admin listener says of a server, check by check. All of them together say
// what the health service says of "" over gRPC; that changes cannot be made is told, and does not
// count, as there.

// Adds the checks to admin, which may be NULL.
void readiness_add(struct admin *admin, struct runsd *runsd, struct listener_guard *guard);

// Removes them: none runs once this returns. Before runsd and guard are freed.
void readiness_remove(struct admin *admin, struct runsd *runsd, struct listener_guard *guard);

#endif
