#ifndef RUNSD_SERVER_DOMAIN_RUN_ERROR_H
#define RUNSD_SERVER_DOMAIN_RUN_ERROR_H

#include "base/core/error.h"
#include "storage/op/create_run.h"
#include "storage/run_record.h"

// The errors about a run that several methods send. All in a.

// NOT_FOUND / RUN_NOT_FOUND: the same for a run of another organization.
const struct error *run_error_not_found(struct arena *a, const char *id);

// FAILED_PRECONDITION / RUN_ALREADY_FINISHED with metadata status and finishedAt, and, of the
// change that made it final, actor and requestId as far as they are known; ending may be NULL.
const struct error *run_error_finished(struct arena *a, const char *id,
                                       const struct run_record *run,
                                       const struct event_cause *ending);

// ABORTED / RUN_CHANGED: the run has another sequence than the one that was expected. Metadata
// sequence, the run's, status and, where that is final, finishedAt.
const struct error *run_error_changed(struct arena *a, const char *id, const struct run_record *run,
                                      int64_t expected_sequence);

// FAILED_PRECONDITION / ATTEMPT_STALE: run has another attempt than the one that asks. Metadata
// attempt, the run's, status and, where that is final, finishedAt.
const struct error *run_error_stale(struct arena *a, const char *id, const struct run_record *run,
                                    int64_t attempt);

// FAILED_PRECONDITION / RUN_NOT_CANCELLED with metadata status.
const struct error *run_error_not_cancelled(struct arena *a, const char *id,
                                            const struct run_record *run);

// FAILED_PRECONDITION / RUN_NOT_FINISHED with metadata status: it can not be deleted.
const struct error *run_error_not_finished(struct arena *a, const char *id,
                                           const struct run_record *run);

// FAILED_PRECONDITION / RUN_NOT_HELD with metadata attempt and status.
const struct error *run_error_not_held(struct arena *a, const char *id,
                                       const struct run_record *run);

// ALREADY_EXISTS / RUN_ALREADY_EXISTS.
const struct error *run_error_exists(struct arena *a, const char *id);

// What is wrong with the parent of the run that create was to make, by its ret_parent: of the field
// run.parentRunId, or FAILED_PRECONDITION / PARENT_CANCELLED with metadata ancestorId.
const struct error *run_error_parent(struct arena *a, const struct store_create_run *create);

// RESOURCE_EXHAUSTED / QUOTA_EXCEEDED: the organization has what it may have, by create's
// ret_excess. Metadata quota ("openRuns" or "storedBytes"), most and used; for bytes asked, too.
const struct error *run_error_quota(struct arena *a, const struct store_create_run *create);

// INVALID_ARGUMENT / FIELD_INVALID with one violation: "field description".
struct error *run_error_field(struct arena *a, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
