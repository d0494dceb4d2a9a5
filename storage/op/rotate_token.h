#ifndef RUNSD_STORAGE_OP_ROTATE_TOKEN_H
#define RUNSD_STORAGE_OP_ROTATE_TOKEN_H

#include "storage/op/store_op.h"
#include "storage/token_record.h"

// Gives a token a new secret. The newest one so far is valid for overlap_us more, but no longer
// than it was; the one before that is forgotten.
//
// STORE_OK sets ret to the token as it is after the operation. STORE_CONFLICT: it is revoked, or
// its new secret would have expired already, or it has one of spared_scopes, or a client name
// instead of secrets; nothing changed, and ret is the token as it is. STORE_EXISTS: a token has, or
// had last, a secret of that hash. STORE_NOT_FOUND.
struct store_rotate_token {
    struct store_op op;
    struct slice organization;
    struct slice name;
    uint8_t hash[TOKEN_HASH_BYTES]; // of the new secret
    int64_t at_us;
    int64_t overlap_us;     // 0: the newest secret so far ends at once
    int64_t expires_at_us;  // of the new secret; 0: when that so far does
    uint32_t spared_scopes; // bits
    struct token_record ret;
};

static inline size_t store_rotate_token_bytes(const struct store_op *op) {
    (void)op;
    return STORE_ROWS_BYTES;
}

// Makes token, as it is stored, what r makes of it, for back-ends that hold it while they
// decide; returns false, and leaves it, where that is a conflict. A clock that went back makes
// no secret older than the one before.
static inline bool store_rotate_token_apply(const struct store_rotate_token *r,
                                            struct token_record *token) {
    int64_t expires_at_us = r->expires_at_us != 0 ? r->expires_at_us : token->expires_at_us;
    if ((token->scopes & r->spared_scopes) != 0 || token->revoked_at_us != 0 ||
        token->client_san.len > 0 || (expires_at_us != 0 && expires_at_us <= r->at_us)) {
        return false;
    }
    int64_t since_us = token->rotations > 0 ? token->rotated_at_us : token->created_at_us;
    int64_t at_us = r->at_us > since_us ? r->at_us : since_us;
    at_us = at_us > 1 ? at_us : 1;
    int64_t end_us = r->overlap_us < INT64_MAX - at_us ? at_us + r->overlap_us : INT64_MAX;
    if (token->expires_at_us != 0 && token->expires_at_us < end_us) {
        end_us = token->expires_at_us;
    }
    memcpy(token->previous.hash, token->hash, TOKEN_HASH_BYTES);
    token->previous.created_at_us = since_us;
    token->previous.expires_at_us = end_us;
    token->previous.last_used_at_us = token->last_used_at_us;
    memcpy(token->hash, r->hash, TOKEN_HASH_BYTES);
    token->expires_at_us = expires_at_us;
    token->last_used_at_us = 0;
    token->rotated_at_us = at_us;
    token->rotations++;
    return true;
}

extern const struct store_kind store_rotate_token_kind;
#define STORE_ROTATE_TOKEN_KIND .part = STORE_CHANGES, .bytes = store_rotate_token_bytes

#endif
