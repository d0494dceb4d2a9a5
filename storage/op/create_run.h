#ifndef RUNSD_STORAGE_OP_CREATE_RUN_H
#define RUNSD_STORAGE_OP_CREATE_RUN_H

#include "storage/idempotency.h"
#include "storage/op/store_op.h"
#include "storage/quota.h"
#include "storage/run_record.h"

// What is wrong with the parent that a new run is to have.
enum store_parent {
    PARENT_SOUND = 0,
    PARENT_MISSING,
    PARENT_CANCELLED, // it, or one of its ancestors, is
    PARENT_TOO_DEEP,  // it has STORE_MOST_ANCESTORS itself
    PARENT_DESCENDS,  // from a run of the new one's id, which was deleted
};

// Adds the run of in with its first event. Of in everything is stored but updated_at_us,
// finished_at_us, waiting_until_us, stopped_at_us and sequence, which follow. A holder, with
// lease_us, acquires the run with its creation: its attempt is then the one after that of in. Of a
// run that is created final only the event keeps it. STORE_EXISTS if (organization, id) is there;
// STORE_OK leaves ret as stored, and the event's revision.
//
// A key (storage/idempotency.h) is looked at first. Where this very request was answered under it
// before: STORE_OK with ret_is_replayed, and ret is the run that was created then, whose id may be
// another one than that of in, as it is now.
//
// A parent must be a run of the organization, and neither it nor any ancestor of it may be
// cancelled, as of the transaction: else STORE_CONFLICT, with ret_parent, and the id of the
// cancelled run in ret_ancestor. A run has at most STORE_MOST_ANCESTORS.
//
// Kinship follows ids. It goes on through an ancestor that was deleted, which counts as one but is
// not cancelled any more, for as long as a run descends from it through its children. Whoever is
// created under its id has its former children, and no parent but its own.
//
// A quota counts as of the transaction: a run beyond it is not created, STORE_OVER_QUOTA, with what
// its organization has in ret_use. A repeat under a key, STORE_EXISTS and what is wrong with a
// parent come before it.
struct store_create_run {
    struct store_op op;
    struct run_record in;
    struct slice parent_id; // empty: none
    struct event_cause cause;
    struct idempotency idempotency;
    struct store_quota quota;
    struct run_record ret; // borrows from in
    int64_t ret_revision;  // of the event; 0 if none was made
    bool ret_is_replayed;  // it was done before, under the key
    enum store_parent ret_parent;
    struct slice ret_ancestor;
    enum store_excess ret_excess; // what of the quota it would be beyond
    struct store_use ret_use;
};

enum { STORE_MOST_ANCESTORS = 64 };

// Returns the run that create stores: in, with what follows from it and from the store's floor of
// attempts (run_attempt_after).
static inline struct run_record store_create_run_record(const struct store_create_run *create,
                                                        int64_t attempt_floor) {
    struct run_record run = create->in;
    run.updated_at_us = run.started_at_us;
    run.sequence = 1;
    if (run.holder.len != 0) {
        run.attempt = run_attempt_after(run.attempt, attempt_floor);
    } else {
        run.lease_us = 0;
    }
    run.stopped_at_us = 0;
    run_record_settle(&run);
    return run;
}

static inline size_t store_create_run_bytes(const struct store_op *op) {
    const struct store_create_run *c = CONTAINER_OF(op, struct store_create_run, op);
    return STORE_ROWS_BYTES + 4 * (c->in.organization.len + c->in.id.len) + 3 * c->parent_id.len +
           2 * c->in.workflow_id.len + c->in.spec.len + 3 * c->in.holder.len +
           run_fields_bytes(&c->in.fields, RUN_FIELDS_ALL) + event_cause_bytes(&c->cause) +
           idempotency_bytes(&c->idempotency, c->in.organization, c->in.id);
}

extern const struct store_kind store_create_run_kind;
#define STORE_CREATE_RUN_KIND                                                                      \
    .part = STORE_CHANGES, .bytes = store_create_run_bytes,                                        \
    .organization = offsetof(struct store_create_run, in.organization)

#endif
