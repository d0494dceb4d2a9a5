#ifndef RUNSD_SERVER_AUTH_TOKEN_H
#define RUNSD_SERVER_AUTH_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/slice.h"
#include "storage/token_record.h"

// Bearer tokens: how they are made and hashed, what they look like, and their scopes.

// "rst_" and 43 characters of base64url (RFC 4648) that encode 256 random bits.
enum { TOKEN_TEXT_LENGTH = 47, TOKEN_TEXT_SIZE = TOKEN_TEXT_LENGTH + 1 };

// What a token may do; bits of token_record.scopes.
enum scope {
    SCOPE_NONE = 0, // for a method that takes any valid token
    SCOPE_RUNS_READ = 1 << 0,
    SCOPE_RUNS_CANCEL = 1 << 1,
    SCOPE_RUNS_CREATE = 1 << 2,
    SCOPE_RUNS_REPORT = 1 << 3,
    SCOPE_TOKENS_ADMIN = 1 << 4, // of every organization; implies the next one
    // Of the token's own organization. A bit of its own, not a limit beside the other: a program
    // that does not know it grants nothing for it.
    SCOPE_TOKENS_ADMIN_OWN = 1 << 5,
    SCOPE_RUNS_DELETE = 1 << 6,         // final runs, with all that is kept of them
    SCOPE_ORGANIZATIONS_ADMIN = 1 << 7, // of every organization
};

enum { SCOPE_COUNT = 8 };

// All that a token with these scopes may do.
static inline uint32_t scopes_with_implied(uint32_t scopes) {
    return scopes | ((scopes & SCOPE_TOKENS_ADMIN) != 0 ? SCOPE_TOKENS_ADMIN_OWN : SCOPE_NONE);
}

// Returns the word of the index-th scope, whose bit is 1 << index.
const char *scope_word(int index);

// Returns the bit of a scope's word; 0 if there is no such scope.
uint32_t scope_parse(const char *word);

// Makes a token from the system's random source.
void token_make(char ret_text[TOKEN_TEXT_SIZE]);

// The SHA-256 (FIPS 180-4) of a token's text: what is stored and looked up.
void token_hash(struct slice text, uint8_t ret_hash[TOKEN_HASH_BYTES]);

// Whether text has the form of a token. Cheap, and refuses most garbage before it is hashed.
bool token_well_formed(struct slice text);

#endif
