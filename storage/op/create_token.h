#ifndef RUNSD_STORAGE_OP_CREATE_TOKEN_H
#define RUNSD_STORAGE_OP_CREATE_TOKEN_H

#include "storage/op/store_op.h"
#include "storage/token_record.h"

// Adds a token of one secret, or one with a client name. STORE_EXISTS if (organization, name) is
// there, or a token has, or had last, a secret of that hash.
//
// A client name is given again once the token that had it is revoked or has expired by
// in.created_at_us: that gets retired_hash instead, which opens nothing, as it did before.
struct store_create_token {
    struct store_op op;
    struct token_record in;
    uint8_t retired_hash[TOKEN_HASH_BYTES]; // random; of a token with a client name alone
    // The other token that has, or had, the client name: STORE_OK: as it is now; STORE_EXISTS: it
    // has it still. Its name is empty if there is none.
    struct token_record ret_other;
};

static inline size_t store_create_token_bytes(const struct store_op *op) {
    (void)op;
    return STORE_ROWS_BYTES;
}

// Takes the hash of c's token away from other, which has it, for back-ends that hold it while they
// decide; returns false, and leaves it, where it is other's still.
static inline bool store_create_token_retire(const struct store_create_token *c,
                                             struct token_record *other) {
    bool is_previous = memcmp(other->hash, c->in.hash, TOKEN_HASH_BYTES) != 0;
    if (c->in.client_san.len == 0 ||
        !token_record_has_ended(other, is_previous, c->in.created_at_us)) {
        return false;
    }
    memcpy(is_previous ? other->previous.hash : other->hash, c->retired_hash, TOKEN_HASH_BYTES);
    return true;
}

extern const struct store_kind store_create_token_kind;
#define STORE_CREATE_TOKEN_KIND .part = STORE_CHANGES, .bytes = store_create_token_bytes

#endif
