#ifndef RUNSD_SERVER_DOMAIN_RUN_VALIDATE_H
#define RUNSD_SERVER_DOMAIN_RUN_VALIDATE_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "runs/v1/runs_service.pb-c.h"
#include "server/domain/lease_validate.h"
#include "server/domain/violations.h"

// What a run, and what is said of one, must be. Pure. All errors are
// INVALID_ARGUMENT / FIELD_INVALID with a violation for each field at fault, by its
// path in JSON names ("run.workflowDefinition.nodes.root.type"); the message is the
// first of them.

// Checks a request to create a run, which is there, for organization: every rule of
// protos/runs/v1/run.proto. Names at most 20 violations. *ret_terms and *ret_lease are what
// lease_validate_terms makes of it for a run that starts at started_at_us.
const struct error *run_validate_new(struct arena *a, const Runs__V1__CreateRunRequest *request,
                                     struct slice organization, int64_t started_at_us,
                                     struct run_terms *ret_terms, struct lease_wish *ret_lease);

// Checks a run's id: 1 to 128 of A-Z a-z 0-9 . _ ~ - (the unreserved characters of
// RFC 3986), but neither "." nor "..", which URLs resolve away.
const struct error *run_validate_id(struct arena *a, const char *field, const char *id);

// Checks the reason of a cancel or a report: at most 1,024 bytes.
const struct error *run_validate_reason(struct arena *a, const char *reason);

// The same, adding to v what is wrong.
void run_validate_id_in(struct violations *v, const char *field, const char *id);
void run_validate_reason_in(struct violations *v, const char *reason);

// Checks a workflow's id: at most 1,024 bytes.
void run_validate_workflow_id_in(struct violations *v, const char *field, const char *id);

// Reads the statuses that a list or a count asks for, as bits; none are all.
const struct error *run_validate_statuses(struct arena *a, const Runs__V1__RunStatus *statuses,
                                          size_t count, uint32_t *ret_statuses);

// Checks the name of an organization or a token: the syntax of an id.
const struct error *run_validate_name(struct arena *a, const char *field, const char *name);

// Whether name has the syntax of an id.
bool run_validate_is_name(const char *name);

#endif
