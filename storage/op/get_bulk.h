#ifndef RUNSD_STORAGE_OP_GET_BULK_H
#define RUNSD_STORAGE_OP_GET_BULK_H

#include "storage/bulk_record.h"
#include "storage/op/store_op.h"

// The job as it is, and the ids of up to sample of its open items. STORE_NOT_FOUND.
struct store_get_bulk {
    struct store_op op;
    struct slice organization;
    struct slice id;
    int sample; // at least 0
    struct bulk_record ret;
    struct slice *ret_sample;
    int ret_sample_count;
};

extern const struct store_kind store_get_bulk_kind;
#define STORE_GET_BULK_KIND                                                                        \
    .part = STORE_READS,                                                                           \
    .slices = {offsetof(struct store_get_bulk, organization), offsetof(struct store_get_bulk, id)}

#endif
