#ifndef RUNSD_STORAGE_OP_TRIM_KEYS_H
#define RUNSD_STORAGE_OP_TRIM_KEYS_H

#include "storage/op/store_op.h"

// Forgets keys (storage/idempotency.h) of changes before before_us, which must not count any more
// for anybody: a step of it, the oldest first, about as long as limit says and at most that many.
// STORE_OK sets ret_count, how many they were, and ret_has_more, whether another step is to follow.
// A key that was stored a moment ago may be left for a later time.
struct store_trim_keys {
    struct store_op op;
    int64_t before_us;
    int limit;
    int ret_count;
    bool ret_has_more;
};

extern const struct store_kind store_trim_keys_kind;
#define STORE_TRIM_KEYS_KIND .part = STORE_CHANGES

#endif
