#ifndef RUNSD_STORAGE_OP_CREATE_BULK_H
#define RUNSD_STORAGE_OP_CREATE_BULK_H

#include "storage/bulk_record.h"
#include "storage/idempotency.h"
#include "storage/op/store_op.h"

// Adds the job of in. Of in are stored organization, id, is_dry_run, cascades, has_filter, filter,
// cause and created_at_us; the rest follows.
//
// Without a filter its items are made at once, one for each of ids, and judged where
// store_create_bulk_judges says so: one that is not there is BULK_NOT_FOUND, one that is final
// BULK_ALREADY_FINAL. It is then BULK_PLANNED if it is a
// dry run, BULK_DONE if there is nothing to do, else BULK_RUNNING. With a filter, and where a dry
// run still has to find the descendants of its runs, it is BULK_PLANNING, and collect_bulk goes on.
//
// An item is about the run of its id that was there when it became one: one that was created later
// under the id of a deleted run is not there to the job, which comes to it by a cascade at most.
//
// STORE_OK sets ret. Where a request of the key was made before ret is its job as it is now, and
// ret_is_replayed. STORE_EXISTS if (organization, id) is there. STORE_CONFLICT: the organization
// has most_unfinished jobs that may still go on. STORE_KEY_REUSED.
struct store_create_bulk {
    struct store_op op;
    struct bulk_record in;
    const struct slice *ids; // one that is there twice counts once
    int id_count;            // at most STORE_MOST_BULK_IDS; 0 with a filter
    int most_unfinished;
    struct idempotency idempotency;
    struct bulk_record ret;
    bool ret_is_replayed;
};

enum { STORE_MOST_BULK_IDS = 5000, STORE_MOST_JUDGED_IDS = 250 };

// Whether the runs that c names are judged at once: not those of many, unless what is planned is to
// be told. They are open then until it is their turn, so that no other change waits for their
// look-ups.
static inline bool store_create_bulk_judges(const struct store_create_bulk *c) {
    return c->in.is_dry_run || c->id_count <= STORE_MOST_JUDGED_IDS;
}

static inline size_t store_create_bulk_bytes(const struct store_op *op) {
    const struct store_create_bulk *c = CONTAINER_OF(op, struct store_create_bulk, op);
    size_t bytes = 2 * STORE_ROWS_BYTES + 2 * bulk_record_bytes(&c->in) +
                   idempotency_bytes(&c->idempotency, c->in.organization, c->in.id);
    for (int i = 0; i < c->id_count; i++) {
        bytes += 32 + 2 * c->ids[i].len;
    }
    return bytes;
}

// Returns the job that create stores, as long as it has no items.
static inline struct bulk_record store_create_bulk_record(const struct store_create_bulk *create) {
    struct bulk_record bulk = create->in;
    bulk.state = BULK_PLANNING;
    bulk.started_at_us = 0;
    bulk.finished_at_us = 0;
    bulk.total = 0;
    bulk.cancelled = 0;
    bulk.already_final = 0;
    bulk.not_found = 0;
    return bulk;
}

extern const struct store_kind store_create_bulk_kind;
#define STORE_CREATE_BULK_KIND                                                                     \
    .part = STORE_CHANGES, .bytes = store_create_bulk_bytes,                                       \
    .organization = offsetof(struct store_create_bulk, in.organization)

#endif
