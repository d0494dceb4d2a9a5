#ifndef RUNSD_STORAGE_OP_LIST_EVENTS_H
#define RUNSD_STORAGE_OP_LIST_EVENTS_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// The newest limit events of a run, oldest first. STORE_NOT_FOUND.
struct store_list_events {
    struct store_op op;
    struct slice organization;
    struct slice id;
    int limit;
    struct run_event *ret_events;
    int ret_count;
};

extern const struct store_kind store_list_events_kind;
#define STORE_LIST_EVENTS_KIND                                                                     \
    .part = STORE_READS, .slices = {offsetof(struct store_list_events, organization),              \
                                    offsetof(struct store_list_events, id)}

#endif
