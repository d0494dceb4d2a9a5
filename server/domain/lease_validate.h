#ifndef RUNSD_SERVER_DOMAIN_LEASE_VALIDATE_H
#define RUNSD_SERVER_DOMAIN_LEASE_VALIDATE_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "runs/v1/lease.pb-c.h"
#include "runs/v1/runs_service.pb-c.h"
#include "server/domain/violations.h"
#include "storage/run_record.h"

// What requests say of leases, waits and deadlines, checked and put into the store's terms. Pure.
// All errors are INVALID_ARGUMENT / FIELD_INVALID, as those of server/domain/run_validate.h.

enum {
    LEASE_LONGEST_HOLDER = 256,
    LEASE_LEAST_S = 1,
    LEASE_MOST_S = 3600,
    LEASE_DEFAULT_S = 30,
    LEASE_LONGEST_WAIT_S = 300,
    LEASE_MOST_ACQUIRED = 100, // runs of an AcquireRuns
    LEASE_MOST_IDS = 1000,     // that an AcquireRuns names
    LEASE_MOST_RENEWED = 10000,
};

// Who is to hold a run, and for how long.
struct lease_wish {
    struct slice holder; // borrowed from the request
    int64_t duration_us;
};

// Reads lease, the request's field called field; adds a violation for each part that is malformed.
void lease_validate_wish(struct violations *v, const char *field,
                         const Runs__V1__LeaseRequest *lease, struct lease_wish *ret);

// Checks an executor's name: 1 to 256 bytes without control characters.
void lease_validate_holder(struct violations *v, const char *field, const char *holder);

// Reads the wait of a long poll, in microseconds, rounded up; 0 if it is unset.
void lease_validate_wait(struct violations *v, const Google__Protobuf__Duration *wait,
                         int64_t *ret_us);

// Reads the attempt of a request, at least least.
void lease_validate_attempt(struct violations *v, const char *field, int64_t attempt,
                            int64_t least);

// Reads what request, whose run is there, says of leases and deadlines: the terms of the run,
// which starts at started_at_us, and its first lease (no holder: none). Adds a violation for each
// field that is malformed, and for what makes no sense together.
void lease_validate_terms(struct violations *v, const Runs__V1__CreateRunRequest *request,
                          int64_t started_at_us, struct run_terms *ret_terms,
                          struct lease_wish *ret_lease);

// Adds a violation for each field of leases that the service alone sets and run has.
void lease_validate_output_only(struct violations *v, const Runs__V1__Run *run);

#endif
