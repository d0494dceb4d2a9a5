// SHA256_Init and its like are deprecated since OpenSSL 3.0 (openssl_user_macros(7)).
#define OPENSSL_SUPPRESS_DEPRECATED

#include "server/auth/token.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/random.h>

#include "base/core/check.h"

static const char prefix[] = "rst_";
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// The index of a scope's bit, which is 1 << index.
#define INDEX(scope) __builtin_ctz(scope)

static const char *const scope_words[] = {
    [INDEX(SCOPE_RUNS_READ)] = "runs.read",
    [INDEX(SCOPE_RUNS_CANCEL)] = "runs.cancel",
    [INDEX(SCOPE_RUNS_CREATE)] = "runs.create",
    [INDEX(SCOPE_RUNS_REPORT)] = "runs.report",
    [INDEX(SCOPE_TOKENS_ADMIN)] = "tokens.admin",
    [INDEX(SCOPE_TOKENS_ADMIN_OWN)] = "tokens.admin.own",
    [INDEX(SCOPE_RUNS_DELETE)] = "runs.delete",
    [INDEX(SCOPE_ORGANIZATIONS_ADMIN)] = "organizations.admin",
};
_Static_assert(sizeof(scope_words) / sizeof(scope_words[0]) == SCOPE_COUNT, "each bit has a word");

const char *scope_word(int index) {
    CHECK(index >= 0 && index < SCOPE_COUNT);
    return scope_words[index];
}

uint32_t scope_parse(const char *word) {
    for (int i = 0; i < SCOPE_COUNT; i++) {
        if (strcmp(word, scope_words[i]) == 0) {
            return 1u << i;
        }
    }
    return 0;
}

void token_make(char ret_text[TOKEN_TEXT_SIZE]) {
    uint8_t random[33] = {0};              // the last byte only fills the last character
    CHECK(getrandom(random, 32, 0) == 32); // never fails for 32 bytes once the system has booted
    char *p = ret_text;
    memcpy(p, prefix, sizeof(prefix) - 1);
    p += sizeof(prefix) - 1;
    for (int bit = 0; bit < 256; bit += 6) {
        unsigned pair = (unsigned)random[bit / 8] << 8 | random[bit / 8 + 1];
        *p++ = alphabet[pair >> (10 - bit % 8) & 63];
    }
    *p = '\0';
}

void token_hash(struct slice text, uint8_t ret_hash[TOKEN_HASH_BYTES]) {
    // Not SHA256(), which looks the algorithm up by its name each time: with 3.0 that takes
    // nine times as long as the hash itself. These do not allocate, and never fail on input.
    SHA256_CTX context;
    CHECK(SHA256_Init(&context) == 1);
    CHECK(SHA256_Update(&context, text.data, text.len) == 1);
    CHECK(SHA256_Final(ret_hash, &context) == 1);
    OPENSSL_cleanse(&context, sizeof(context)); // which holds the token
}

static bool is_in_alphabet(uint8_t c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

bool token_well_formed(struct slice text) {
    if (text.len != TOKEN_TEXT_LENGTH || !slice_starts_with(text, slice_of_cstr(prefix))) {
        return false;
    }
    for (size_t i = sizeof(prefix) - 1; i < text.len; i++) {
        if (!is_in_alphabet(text.data[i])) {
            return false;
        }
    }
    return true;
}
