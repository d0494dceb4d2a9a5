#ifndef RUNSD_SERVER_AUTH_TOKEN_TABLE_H
#define RUNSD_SERVER_AUTH_TOKEN_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "storage/token_record.h"

// All tokens in memory, by their hash, so that callers are identified without asking the
// store. Thread safe.

struct token_table;

// The caller that a token identifies.
struct identity {
    const char *organization;
    const char *name; // the token's
    uint32_t scopes;
    int64_t expires_at_us; // 0: never
};

struct token_table *token_table_new(void);

// NULL is ignored.
void token_table_free(struct token_table *table);

// Adds a token, or replaces the one with the same hash: a revocation is a token
// with revoked_at_us set. Takes effect before it returns. Copies record.
void token_table_put(struct token_table *table, const struct token_record *record);

// Finds the token with this hash that is neither revoked nor, at now_us, expired.
// The hash is compared in constant time. The identity lives in a.
bool token_table_find(struct token_table *table, const uint8_t hash[TOKEN_HASH_BYTES],
                      int64_t now_us, struct arena *a, struct identity *ret_identity);

#endif
