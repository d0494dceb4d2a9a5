#ifndef RUNSD_ADMIN_ADMIN_SANDBOX_H
#define RUNSD_ADMIN_ADMIN_SANDBOX_H

#include "admin/admin.h"
#include "base/process/sandbox.h"

// Adds the check "sandbox" of every program, which is told only: whether it has the sandbox that it
// was to have. Its text says "on", or why it is off. sandbox is borrowed until admin_stop.
void admin_add_sandbox(struct admin *admin, struct sandbox *sandbox);

#endif
