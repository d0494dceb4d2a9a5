#ifndef RUNSD_SERVER_SERVICE_ORGANIZATION_FREEZE_H
#define RUNSD_SERVER_SERVICE_ORGANIZATION_FREEZE_H

#include "server/service/service_call.h"
#include "storage/op/freeze_organization.h"
#include "storage/op/get_organization.h"

// What freezing and thawing an organization have in common.
struct organization_freeze {
    struct service_call call;
    struct store_freeze_organization freeze;
    struct store_get_organization get;
};

// Freezes the organization of that name at at_us, or thaws it (0), and replies with it as it is
// then. call is the first member of a struct organization_freeze; name lives as long as the call.
// Returns the error that refuses the call, or NULL.
const struct error *organization_freeze_serve(struct service_call *call, const char *name,
                                              int64_t at_us);

#endif
