#ifndef RUNSD_STORAGE_OP_CREATE_TOKEN_H
#define RUNSD_STORAGE_OP_CREATE_TOKEN_H

#include "storage/op/store_op.h"
#include "storage/token_record.h"

// Adds a token. STORE_EXISTS if (organization, name) or hash is there.
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
