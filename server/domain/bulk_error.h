#ifndef RUNSD_SERVER_DOMAIN_BULK_ERROR_H
#define RUNSD_SERVER_DOMAIN_BULK_ERROR_H

#include "base/core/error.h"
#include "storage/bulk_record.h"

// The errors about bulk cancels that several methods send. All in a. Pure.

// NOT_FOUND / BULK_CANCEL_NOT_FOUND: the same for one of another organization.
const struct error *bulk_error_not_found(struct arena *a, const char *id);

// FAILED_PRECONDITION / BULK_CANCEL_ENDED with metadata state: it is not in a state from which it
// can be executed, or aborted. what says what was asked for: "executed".
const struct error *bulk_error_ended(struct arena *a, const struct bulk_record *bulk,
                                     const char *what);

// The same of a plan that nobody has executed in time, with metadata expiresAt too.
const struct error *bulk_error_expired(struct arena *a, const struct bulk_record *bulk);

// RESOURCE_EXHAUSTED / BULK_CANCEL_LIMIT: the organization has limit of them that are not over.
const struct error *bulk_error_limit(struct arena *a, int limit);

#endif
