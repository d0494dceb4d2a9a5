#ifndef RUNSD_STORAGE_OP_GET_RUN_H
#define RUNSD_STORAGE_OP_GET_RUN_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// The run as it is; sees every write that was answered before the submission. STORE_NOT_FOUND.
struct store_get_run {
    struct store_op op;
    struct slice organization;
    struct slice id;
    struct run_record ret;
};

extern const struct store_kind store_get_run_kind;
#define STORE_GET_RUN_KIND                                                                         \
    .part = STORE_READS,                                                                           \
    .slices = {offsetof(struct store_get_run, organization), offsetof(struct store_get_run, id)}

#endif
