#ifndef RUNSD_STORAGE_OP_REVOKE_TOKEN_H
#define RUNSD_STORAGE_OP_REVOKE_TOKEN_H

#include "storage/op/store_op.h"
#include "storage/token_record.h"

// Revokes a token, all its secrets: sets revoked_at_us to at_us unless it is set already; to
// created_at_us if the clock went back since, and never to 0, which would be no revocation.
//
// STORE_CONFLICT: the token has one of spared_scopes; nothing changed, and ret is the token as
// it is. STORE_NOT_FOUND.
struct store_revoke_token {
    struct store_op op;
    struct slice organization;
    struct slice name;
    int64_t at_us;
    uint32_t spared_scopes; // bits
    struct token_record ret;
};

static inline size_t store_revoke_token_bytes(const struct store_op *op) {
    (void)op;
    return STORE_ROWS_BYTES;
}

extern const struct store_kind store_revoke_token_kind;
#define STORE_REVOKE_TOKEN_KIND .part = STORE_CHANGES, .bytes = store_revoke_token_bytes

#endif
