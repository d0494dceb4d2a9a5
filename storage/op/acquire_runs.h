#ifndef RUNSD_STORAGE_OP_ACQUIRE_RUNS_H
#define RUNSD_STORAGE_OP_ACQUIRE_RUNS_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// Gives holder the lease of up to limit runs of the organization that can be acquired
// (run_record_is_open): the oldest first, by started_at_us, then in an order of the back-end's own
// that never changes. Each gets its next attempt and an event of kind STORE_EVENT_ACQUISITION, all
// in one transaction. at_us is raised to a run's newest event.
//
// Which runs is narrowed by workflow_id, by ids (those that are not there, or that cannot be
// acquired, are passed over) and by from. Runs whose status is not in from are looked at one by
// one, so that from is best RUN_STATUS_ACTIVE. Stops before the runs' specs and fields would
// come to more than most_bytes, but not before the first run.
//
// STORE_OK, also where there is none.
struct store_acquire_runs {
    struct store_op op;
    struct slice organization;
    struct slice workflow_id; // empty: all
    const struct slice *ids;
    int id_count;        // 0: all
    uint32_t from;       // bits
    int limit;           // at least 1
    size_t most_bytes;   // 0: no bound
    struct slice holder; // not empty
    int64_t lease_us;
    int64_t at_us;
    struct event_cause cause;
    struct run_record *ret_runs; // as they are after it
    int ret_count;
};

static inline size_t store_acquire_runs_bytes(const struct store_op *op) {
    const struct store_acquire_runs *q = CONTAINER_OF(op, struct store_acquire_runs, op);
    return (size_t)q->limit * (STORE_ROWS_BYTES + event_cause_bytes(&q->cause) + 3 * q->holder.len);
}

// Whether q takes run, of its organization and its workflow.
static inline bool store_acquire_runs_takes(const struct store_acquire_runs *q,
                                            const struct run_record *run) {
    return run_record_is_open(run) && (RUN_STATUS_BIT(run->status) & q->from) != 0;
}

// Whether run still finds room among runs of so many bytes, of which there are count; adds its
// own to *bytes if so.
static inline bool store_acquire_runs_fits(const struct store_acquire_runs *q,
                                           const struct run_record *run, int count, size_t *bytes) {
    size_t sum = *bytes + run->spec.len + run_fields_bytes(&run->fields, RUN_FIELDS_ALL);
    if (count > 0 && q->most_bytes != 0 && sum > q->most_bytes) {
        return false;
    }
    *bytes = sum;
    return true;
}

// Makes run, which q takes, what it is with its new holder; attempt_floor is the store's
// (run_attempt_after).
static inline void store_acquire_runs_apply(const struct store_acquire_runs *q,
                                            struct run_record *run, int64_t attempt_floor) {
    run_record_advance(run, q->at_us);
    run->attempt = run_attempt_after(run->attempt, attempt_floor);
    run->holder = q->holder;
    run->lease_us = q->lease_us;
}

extern const struct store_kind store_acquire_runs_kind;
#define STORE_ACQUIRE_RUNS_KIND                                                                    \
    .part = STORE_CHANGES, .bytes = store_acquire_runs_bytes,                                      \
    .organization = offsetof(struct store_acquire_runs, organization)

#endif
