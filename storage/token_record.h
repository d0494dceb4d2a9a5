#ifndef RUNSD_STORAGE_TOKEN_RECORD_H
#define RUNSD_STORAGE_TOKEN_RECORD_H

#include <stdint.h>

#include "base/core/slice.h"

enum { TOKEN_HASH_BYTES = 32 };

// A bearer token as it is stored.
struct token_record {
    struct slice organization;
    struct slice name;
    uint8_t hash[TOKEN_HASH_BYTES]; // SHA-256 of the token's text
    uint32_t scopes;                // bits of server/auth's scopes
    int64_t created_at_us;
    int64_t expires_at_us; // 0: never
    int64_t revoked_at_us; // 0: not revoked
};

#endif
