#ifndef RUNSD_SERVER_DOMAIN_BULK_VALIDATE_H
#define RUNSD_SERVER_DOMAIN_BULK_VALIDATE_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "runs/v1/bulk.pb-c.h"
#include "storage/bulk_record.h"

// What a request to cancel many runs must be. Pure.

// What it asks for: exactly one of plan, ids and filter.
struct bulk_wish {
    const char *plan; // the id of the job that is to be executed; NULL: none
    const struct slice *ids;
    int id_count;
    bool has_filter;
    struct run_filter filter;
};

// Checks a request by the rules of protos/runs/v1/bulk.proto, and reads it into *ret_wish, which
// borrows from it and from a. INVALID_ARGUMENT / FIELD_INVALID with a violation for each field at
// fault, 20 at most.
const struct error *bulk_validate(struct arena *a, const Runs__V1__CancelRunsRequest *request,
                                  struct bulk_wish *ret_wish);

// Reads the outcomes that a list of them asks for, as bits; none are all. Errors as above.
const struct error *bulk_validate_outcomes(struct arena *a,
                                           const Runs__V1__ListBulkCancelOutcomesRequest *request,
                                           uint32_t *ret_outcomes);

#endif
