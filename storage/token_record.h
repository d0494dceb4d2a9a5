#ifndef RUNSD_STORAGE_TOKEN_RECORD_H
#define RUNSD_STORAGE_TOKEN_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/slice.h"

enum { TOKEN_HASH_BYTES = 32 };

// A secret that a newer one of the same token has replaced.
struct token_secret {
    uint8_t hash[TOKEN_HASH_BYTES];
    int64_t created_at_us;
    int64_t expires_at_us;   // never 0
    int64_t last_used_at_us; // 0: never
};

// What a token's calls may ask for. 0: what the server's options say; -1: no limit.
struct token_limits {
    int64_t reads_per_s;
    int64_t changes_per_s;
    int64_t bytes_per_s; // of requests and replies
    int64_t streams;     // open at once
};

// Whether a token has any of its own.
static inline bool token_limits_are_own(const struct token_limits *limits) {
    return (limits->reads_per_s | limits->changes_per_s | limits->bytes_per_s | limits->streams) !=
           0;
}

// A token as it is stored: a name, what it opens, and by what: one or two secrets, or the name of a
// client's certificate.
struct token_record {
    struct slice organization;
    struct slice name;
    struct slice client_san;        // such as "uri:spiffe://acme/worker"; empty: it has secrets
    uint8_t hash[TOKEN_HASH_BYTES]; // SHA-256 of the newest secret's text, or for client_san
    uint32_t scopes;                // bits of server/auth's scopes
    int64_t created_at_us;
    int64_t expires_at_us;        // of the newest secret; 0: never
    int64_t revoked_at_us;        // of both secrets; 0: not revoked
    int64_t last_used_at_us;      // the newest secret; 0: never
    int64_t rotations;            // how often it got a new secret; only grows
    int64_t rotated_at_us;        // when it got the newest one; 0: with its creation
    struct token_secret previous; // if rotations is not 0; ended or not
    int64_t denials;              // calls that were not allowed what they asked for
    int64_t refusals;             // calls with a secret that had expired or was revoked
    struct token_limits limits;
};

// Whether the secret before the newest one opened nothing from the rotation on, whatever the
// clock says since.
static inline bool token_record_previous_ended_at_once(const struct token_record *token) {
    return token->previous.expires_at_us <= token->rotated_at_us;
}

// Whether that of the token's two secrets opened nothing any more at at_us.
static inline bool token_record_has_ended(const struct token_record *token, bool is_previous,
                                          int64_t at_us) {
    int64_t end_us = is_previous ? token->previous.expires_at_us : token->expires_at_us;
    return token->revoked_at_us != 0 || (end_us != 0 && end_us <= at_us);
}

#endif
