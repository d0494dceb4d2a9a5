#ifndef RUNSD_STORAGE_OP_CREATE_TOKEN_H
#define RUNSD_STORAGE_OP_CREATE_TOKEN_H

#include "storage/op/store_op.h"
#include "storage/token_record.h"

// Adds a token of one secret. STORE_EXISTS if (organization, name) is there, or a token has, or
// had last, a secret of that hash.
struct store_create_token {
    struct store_op op;
    struct token_record in;
};

static inline size_t store_create_token_bytes(const struct store_op *op) {
    (void)op;
    return STORE_ROWS_BYTES;
}

extern const struct store_kind store_create_token_kind;
#define STORE_CREATE_TOKEN_KIND .part = STORE_CHANGES, .bytes = store_create_token_bytes

#endif
