#ifndef RUNSD_STORAGE_OP_LIST_BULKS_H
#define RUNSD_STORAGE_OP_LIST_BULKS_H

#include "storage/bulk_record.h"
#include "storage/op/store_op.h"

// A place in the order of the list: behind the job with these.
struct store_bulk_cursor {
    int64_t created_at_us;
    struct slice id;
};

// The jobs of an organization, the newest first: by created_at_us descending, then by id
// descending; at most limit, from behind the cursor.
struct store_list_bulks {
    struct store_op op;
    struct slice organization;
    bool has_cursor;
    struct store_bulk_cursor cursor;
    int limit; // at least 1
    struct bulk_record *ret_bulks;
    int ret_count;
    bool ret_has_more;
    struct store_bulk_cursor ret_cursor; // set if ret_has_more
};

extern const struct store_kind store_list_bulks_kind;
#define STORE_LIST_BULKS_KIND                                                                      \
    .part = STORE_READS, .slices = {offsetof(struct store_list_bulks, organization),               \
                                    offsetof(struct store_list_bulks, cursor.id)}

#endif
