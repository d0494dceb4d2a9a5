#ifndef RUNSD_SERVER_SERVICE_ORGANIZATION_REPLY_H
#define RUNSD_SERVER_SERVICE_ORGANIZATION_REPLY_H

#include "runs/v1/organizations_service.pb-c.h"
#include "server/service/service_call.h"
#include "storage/op/get_organization.h"

// What several methods reply about organizations. All of it lives in the arena a, or the call's.

// How many runs there are, by status.
Runs__V1__StatusCount **
organization_reply_runs(struct arena *a, const int64_t runs[RUN_STATUS_COUNT], size_t *ret_count);

// Whether get found an organization of which anything is left: of one that was deleted the store
// still knows the revision, and nobody else wants to know of it.
bool organization_reply_is_there(const struct store_get_organization *get);

// The organization of that name, which is borrowed, as the API shows it, with what it may have.
Runs__V1__Organization *organization_reply_message(struct arena *a, const char *name,
                                                   const struct store_organization *organization,
                                                   const struct store_quota *quota);

// Replies with what get was answered; get->name ends with NUL. The call must not be touched after
// it.
void organization_reply(struct service_call *call, const struct store_get_organization *get);

// NOT_FOUND / ORGANIZATION_NOT_FOUND.
const struct error *organization_reply_not_found(struct arena *a, const char *name);

// FAILED_PRECONDITION / ORGANIZATION_NOT_FROZEN.
const struct error *organization_reply_not_frozen(struct arena *a, const char *name);

#endif
