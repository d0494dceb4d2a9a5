#ifndef RUNSD_STORAGE_OP_NOTE_RENEWALS_H
#define RUNSD_STORAGE_OP_NOTE_RENEWALS_H

#include "storage/op/store_op.h"

// A lease that was renewed.
struct store_renewal {
    struct slice organization;
    struct slice id;
    int64_t attempt;
    int64_t left_us; // how long it lasts from now on
};

// Has the other processes that serve a shared store know of renewals, by the time of its database
// server: end_lease by any of them sees these. Soft: they may be lost with that server, and leases
// begin anew then. A store that is not shared does nothing.
struct store_note_renewals {
    struct store_op op;
    const struct store_renewal *renewals;
    int count;
};

static inline size_t store_note_renewals_bytes(const struct store_op *op) {
    const struct store_note_renewals *n = CONTAINER_OF(op, struct store_note_renewals, op);
    return (size_t)n->count * STORE_ROWS_BYTES;
}

extern const struct store_kind store_note_renewals_kind;
#define STORE_NOTE_RENEWALS_KIND .part = STORE_CHANGES, .bytes = store_note_renewals_bytes

#endif
