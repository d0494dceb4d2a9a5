#ifndef RUNSD_STORAGE_OP_TRIM_KEYS_H
#define RUNSD_STORAGE_OP_TRIM_KEYS_H

#include "storage/op/store_op.h"

// Forgets keys (storage/idempotency.h) of changes before before_us, which must not count any more
// for anybody: up to limit of them, about the oldest first. STORE_OK sets ret_count, how many they
// were; fewer than limit: there is none left, as far as keys are in their table yet.
struct store_trim_keys {
    struct store_op op;
    int64_t before_us;
    int limit;
    int ret_count;
};

extern const struct store_kind store_trim_keys_kind;
#define STORE_TRIM_KEYS_KIND .part = STORE_CHANGES

#endif
