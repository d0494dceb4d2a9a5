#include "server/auth/authenticate.h"

#include <string.h>
#include <strings.h>

#include "server/auth/client_name.h"

static struct error *refuse_token(struct arena *a) {
    return error_new(a, STATUS_UNAUTHENTICATED, REASON_TOKEN_INVALID,
                     "the bearer token is malformed, unknown, expired or revoked");
}

static const struct error *refuse_without_token(struct arena *a) {
    return error_new(a, STATUS_UNAUTHENTICATED, REASON_TOKEN_MISSING,
                     "send the header \"Authorization: Bearer <token>\"");
}

// Adds to an error about a token that is known what stands in the log alone: whose it is.
static const struct error *tell_whose(struct error *e, struct arena *a,
                                      enum token_standing standing,
                                      const struct identity *identity) {
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

static const struct error *check_scopes(struct arena *a, const struct identity *identity,
                                        uint32_t scopes) {
    uint32_t missing = scopes & ~scopes_with_implied(identity->scopes);
    if (missing == 0) {
        return NULL;
    }
    const char *word = first_word_of(missing);
    struct error *e = error_new(a, STATUS_PERMISSION_DENIED, REASON_SCOPE_MISSING,
                                "the token \"%s\" lacks the scope %s", identity->name, word);
    error_add_metadata(e, a, "scope", word);
    return e;
}

const struct error *authenticate(struct token_table *table, struct arena *a, struct slice value,
                                 int count, uint32_t scopes, int64_t now_us,
                                 struct identity *ret_identity) {
    if (count == 0 || (count == 1 && !take_scheme(&value))) {
        token_table_count_refusal(table, TOKEN_REFUSAL_MISSING);
        return refuse_without_token(a);
    }
    if (count > 1 || !token_well_formed(value)) {
        token_table_count_refusal(table, TOKEN_REFUSAL_MALFORMED);
        return refuse_token(a);
    }
    uint8_t hash[TOKEN_HASH_BYTES];
    token_hash(value, hash);
    struct identity identity;
    enum token_standing standing = token_table_find(table, hash, now_us, a, &identity);
    if (standing != TOKEN_OPENS) {
        return standing == TOKEN_UNKNOWN ? refuse_token(a)
                                         : tell_whose(refuse_token(a), a, standing, &identity);
    }
    identity.client_name = NULL;
    *ret_identity = identity;
    return check_scopes(a, ret_identity, scopes);
}

// --- certificates ---

// What the names of a certificate open.
struct opened {
    const struct token_entry *token; // that opens, or else of a token that did; NULL: none
    enum token_standing standing;
    struct slice name;              // that it has
    uint8_t hash[TOKEN_HASH_BYTES]; // of that name
    bool is_several;                // another token opens, too
};

// Looks at all names before any use is counted: a call that is refused uses no token.
static struct opened look_at_names(struct token_table *table, const struct slice *names,
                                   size_t count, int64_t now_us) {
    struct opened opened = {.standing = TOKEN_UNKNOWN};
    for (size_t i = 0; i < count; i++) {
        uint8_t hash[TOKEN_HASH_BYTES];
        client_name_hash(names[i], hash);
        const struct token_entry *token;
        enum token_standing standing = token_table_whose(table, hash, now_us, &token);
        bool is_better = standing == TOKEN_OPENS ? opened.standing != TOKEN_OPENS
                                                 : opened.standing == TOKEN_UNKNOWN;
        if (standing == TOKEN_OPENS && !is_better && token != opened.token) {
            opened.is_several = true;
        }
        if (standing != TOKEN_UNKNOWN && is_better) {
            opened.token = token;
            opened.standing = standing;
            opened.name = names[i];
            memcpy(opened.hash, hash, sizeof(hash));
        }
    }
    return opened;
}

// Of a certificate that has names, or without one.
static const struct error *refuse_stranger(struct arena *a, size_t count) {
    return count == 0 ? refuse_without_token(a)
                      : error_new(a, STATUS_UNAUTHENTICATED, REASON_TOKEN_MISSING,
                                  "no token was sent, and the client certificate opens none: send "
                                  "the header \"Authorization: Bearer <token>\", or have a token "
                                  "made for a name of the certificate");
}

static struct error *refuse_client(struct arena *a) {
    return error_new(a, STATUS_UNAUTHENTICATED, REASON_TOKEN_INVALID,
                     "the token that the client certificate opened has expired or is revoked; "
                     "another one may be sent as \"Authorization: Bearer <token>\"");
}

const struct error *authenticate_client(struct token_table *table, struct arena *a,
                                        const struct slice *names, size_t count, uint32_t scopes,
                                        int64_t now_us, struct identity *ret_identity) {
    struct opened opened = look_at_names(table, names, count, now_us);
    if (opened.is_several) {
        token_table_count_refusal(table, TOKEN_REFUSAL_AMBIGUOUS);
        return error_new(a, STATUS_UNAUTHENTICATED, REASON_TOKEN_INVALID,
                         "the names of the client certificate open several tokens: send the one "
                         "that is meant as \"Authorization: Bearer <token>\"");
    }
    if (opened.token == NULL) {
        token_table_count_refusal(table, TOKEN_REFUSAL_MISSING);
        return refuse_stranger(a, count);
    }
    struct identity identity;
    // Again, and counted: what it is by now decides.
    enum token_standing standing = token_table_find(table, opened.hash, now_us, a, &identity);
    if (standing != TOKEN_OPENS) {
        return standing == TOKEN_UNKNOWN ? refuse_stranger(a, count)
                                         : tell_whose(refuse_client(a), a, standing, &identity);
    }
    identity.client_name = arena_cstr(a, opened.name);
    *ret_identity = identity;
    return check_scopes(a, ret_identity, scopes);
}
