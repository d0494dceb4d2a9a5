#ifndef RUNSD_STORAGE_OP_CHANGE_BULK_H
#define RUNSD_STORAGE_OP_CHANGE_BULK_H

#include "storage/bulk_record.h"
#include "storage/idempotency.h"
#include "storage/op/store_op.h"

// Executes a plan (to is BULK_RUNNING) or ends a job (to is BULK_ABORTED), if its state is in from
// and may become to. Who executes a plan is from then on the job's cause; the plan's reason stays
// where cause has none.
//
// STORE_OK and STORE_CONFLICT (its state is another one) set ret to the job as it is after the
// operation. Where a request of the key was made before ret is the job as it is now, and
// ret_is_replayed. STORE_NOT_FOUND, STORE_KEY_REUSED; STORE_READ_ONLY where a plan of a frozen
// organization is executed.
struct store_change_bulk {
    struct store_op op;
    struct slice organization;
    struct slice id;
    uint32_t from; // bits, BULK_STATE_BIT
    enum bulk_state to;
    int64_t at_us;
    struct event_cause cause; // with BULK_RUNNING
    struct idempotency idempotency;
    struct bulk_record ret;
    bool ret_is_replayed;
};

static inline size_t store_change_bulk_bytes(const struct store_op *op) {
    const struct store_change_bulk *c = CONTAINER_OF(op, struct store_change_bulk, op);
    return 2 * STORE_ROWS_BYTES + event_cause_bytes(&c->cause) +
           idempotency_bytes(&c->idempotency, c->organization, c->id);
}

// Makes bulk, as it is stored, what c makes of it; returns false, and leaves it, where that is a
// conflict.
static inline bool store_change_bulk_apply(const struct store_change_bulk *c,
                                           struct bulk_record *bulk) {
    if ((BULK_STATE_BIT(bulk->state) & c->from) == 0 ||
        !bulk_state_may_become(bulk->state, c->to)) {
        return false;
    }
    if (c->to == BULK_RUNNING) {
        struct slice reason = c->cause.reason.len != 0 ? c->cause.reason : bulk->cause.reason;
        bulk->cause = c->cause;
        bulk->cause.reason = reason;
    }
    bulk_record_become(bulk, c->to, c->at_us);
    return true;
}

extern const struct store_kind store_change_bulk_kind;
#define STORE_CHANGE_BULK_KIND .part = STORE_CHANGES, .bytes = store_change_bulk_bytes

#endif
