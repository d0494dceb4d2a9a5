#ifndef RUNSD_STORAGE_OP_SET_TOKEN_LIMITS_H
#define RUNSD_STORAGE_OP_SET_TOKEN_LIMITS_H

#include "storage/op/store_op.h"
#include "storage/token_record.h"

// Replaces a token's limits, all of them; ret is the token as it is then. STORE_NOT_FOUND.
struct store_set_token_limits {
    struct store_op op;
    struct slice organization;
    struct slice name;
    struct token_limits limits;
    struct token_record ret;
};

static inline size_t store_set_token_limits_bytes(const struct store_op *op) {
    (void)op;
    return STORE_ROWS_BYTES;
}

extern const struct store_kind store_set_token_limits_kind;
#define STORE_SET_TOKEN_LIMITS_KIND .part = STORE_CHANGES, .bytes = store_set_token_limits_bytes

#endif
