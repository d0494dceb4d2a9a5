#ifndef RUNSD_STORAGE_OP_FREEZE_ORGANIZATION_H
#define RUNSD_STORAGE_OP_FREEZE_ORGANIZATION_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// Freezes the organization at at_us, or thaws it (0). While it is frozen every operation whose kind
// names an organization (struct store_kind) is answered STORE_READ_ONLY and changes nothing; reads
// go on, and so does all that is not about runs, as its tokens. A restart changes nothing of it.
// One that is frozen already keeps the moment at which it was.
//
// STORE_OK sets ret_frozen_at_us, 0 if it is thawed. STORE_NOT_FOUND: the organization has no
// events and no tokens.
struct store_freeze_organization {
    struct store_op op;
    struct slice name;
    int64_t at_us;
    int64_t ret_frozen_at_us;
};

// Since when an organization is frozen by f, that was frozen at frozen_at_us.
static inline int64_t store_freeze_organization_at(const struct store_freeze_organization *f,
                                                   int64_t frozen_at_us) {
    return f->at_us != 0 && frozen_at_us != 0 ? frozen_at_us : f->at_us;
}

static inline size_t store_freeze_organization_bytes(const struct store_op *op) {
    const struct store_freeze_organization *f =
        CONTAINER_OF(op, struct store_freeze_organization, op);
    return STORE_ROWS_BYTES + f->name.len;
}

extern const struct store_kind store_freeze_organization_kind;
#define STORE_FREEZE_ORGANIZATION_KIND                                                             \
    .part = STORE_CHANGES, .bytes = store_freeze_organization_bytes

#endif
