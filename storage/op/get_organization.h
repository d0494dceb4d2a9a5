#ifndef RUNSD_STORAGE_OP_GET_ORGANIZATION_H
#define RUNSD_STORAGE_OP_GET_ORGANIZATION_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

struct store_organization {
    int64_t revision;               // of its newest event; 0: it has none
    int64_t floor;                  // storage/op/trim_changes.h
    int64_t frozen_at_us;           // 0: it is not frozen
    int64_t runs[RUN_STATUS_COUNT]; // how many there are of each status
    int64_t stored_bytes;           // as struct store_use has them
    int64_t tokens;                 // revoked ones, too
};

// What an organization has. STORE_NOT_FOUND: no events and no tokens.
struct store_get_organization {
    struct store_op op;
    struct slice name;
    struct store_organization ret;
};

extern const struct store_kind store_get_organization_kind;
#define STORE_GET_ORGANIZATION_KIND                                                                \
    .part = STORE_READS, .slices = {offsetof(struct store_get_organization, name)}

#endif
