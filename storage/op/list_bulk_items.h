#ifndef RUNSD_STORAGE_OP_LIST_BULK_ITEMS_H
#define RUNSD_STORAGE_OP_LIST_BULK_ITEMS_H

#include "storage/bulk_record.h"
#include "storage/op/store_op.h"

struct store_bulk_item {
    struct slice id; // of the run
    enum bulk_outcome outcome;
};

// The items of a job with an outcome in outcomes, in an order of their ids that is the back-end's
// own and never changes; from behind the id after. May stop before limit are found, to bound the
// work of one call: ret_has_more says whether the next call, from ret_after, can find more.
// STORE_NOT_FOUND.
struct store_list_bulk_items {
    struct store_op op;
    struct slice organization;
    struct slice id;
    struct slice after; // empty: from the first one
    uint32_t outcomes;  // bits, BULK_OUTCOME_BIT
    int limit;          // at least 1
    struct store_bulk_item *ret_items;
    int ret_count;
    bool ret_has_more;
    struct slice ret_after; // set if ret_has_more
};

extern const struct store_kind store_list_bulk_items_kind;
#define STORE_LIST_BULK_ITEMS_KIND                                                                 \
    .part = STORE_READS, .slices = {offsetof(struct store_list_bulk_items, organization),          \
                                    offsetof(struct store_list_bulk_items, id),                    \
                                    offsetof(struct store_list_bulk_items, after)}

#endif
