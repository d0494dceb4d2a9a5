#include "server/auth/authenticate.h"

#include <strings.h>

static const struct error *refuse_token(struct arena *a) {
    return error_new(a, STATUS_UNAUTHENTICATED, REASON_TOKEN_INVALID,
                     "the bearer token is malformed, unknown, expired or revoked");
}

// Removes "Bearer" and the spaces after it from value; returns false if it has another scheme.
static bool take_scheme(struct slice *value) {
    static const char scheme[] = "bearer ";
    const size_t length = sizeof(scheme) - 1;
    if (value->len < length || strncasecmp((const char *)value->data, scheme, length) != 0) {
        return false;
    }
    size_t i = length;
    while (i < value->len && value->data[i] == ' ') {
        i++;
    }
    *value = slice_of(value->data + i, value->len - i);
    return true;
}

// The word of the lowest of scopes; there must be at least one.
static const char *first_word_of(uint32_t scopes) {
    return scope_word(__builtin_ctz(scopes));
}

const struct error *authenticate(struct token_table *table, struct arena *a, struct slice value,
                                 int count, uint32_t scopes, int64_t now_us,
                                 struct identity *ret_identity) {
    if (count == 0 || (count == 1 && !take_scheme(&value))) {
        return error_new(a, STATUS_UNAUTHENTICATED, REASON_TOKEN_MISSING,
                         "send the header \"Authorization: Bearer <token>\"");
    }
    if (count > 1 || !token_well_formed(value)) {
        return refuse_token(a);
    }
    uint8_t hash[TOKEN_HASH_BYTES];
    token_hash(value, hash);
    if (!token_table_find(table, hash, now_us, a, ret_identity)) {
        return refuse_token(a);
    }
    uint32_t missing = scopes & ~ret_identity->scopes;
    if (missing != 0) {
        const char *word = first_word_of(missing);
        struct error *e =
            error_new(a, STATUS_PERMISSION_DENIED, REASON_SCOPE_MISSING,
                      "the token \"%s\" lacks the scope %s", ret_identity->name, word);
        error_add_metadata(e, a, "scope", word);
        return e;
    }
    return NULL;
}
