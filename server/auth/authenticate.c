#include "server/auth/authenticate.h"

#include <strings.h>

static struct error *refuse_token(struct arena *a) {
    return error_new(a, STATUS_UNAUTHENTICATED, REASON_TOKEN_INVALID,
                     "the bearer token is malformed, unknown, expired or revoked");
}

// The same of a token that is known: whose it is stands in the log alone.
static const struct error *refuse_known(struct arena *a, enum token_standing standing,
                                        const struct identity *identity) {
    struct error *e = refuse_token(a);
    e->detail = arena_printf(a, "%s secret of the token \"%s\" of organization \"%s\"",
                             standing == TOKEN_REVOKED ? "a revoked" : "an expired", identity->name,
                             identity->organization);
    return e;
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

// The word of the lowest of scopes, by which a token that may do more is asked for; there must
// be at least one.
static const char *first_word_of(uint32_t scopes) {
    int index = __builtin_ctz(scopes);
    bool is_own = 1u << index == SCOPE_TOKENS_ADMIN_OWN;
    return is_own ? scope_word(__builtin_ctz(SCOPE_TOKENS_ADMIN)) : scope_word(index);
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
    struct identity identity;
    enum token_standing standing = token_table_find(table, hash, now_us, a, &identity);
    if (standing != TOKEN_OPENS) {
        return standing == TOKEN_UNKNOWN ? refuse_token(a) : refuse_known(a, standing, &identity);
    }
    *ret_identity = identity;
    uint32_t missing = scopes & ~scopes_with_implied(identity.scopes);
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
