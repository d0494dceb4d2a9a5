#include "server/auth/client_name.h"

#include <string.h>

#include "base/core/check.h"
#include "server/auth/token.h"

// RFC 1035, section 2.3.4; and with "uri:" the longest name that a call tells
// (rpc/server_peer.h).
enum { HOST_MAX = 253, LABEL_MAX = 63, URI_MAX = 2044 };

static const char hash_begin[] = "client-san\n";
static const char uri[] = "uri:";
static const char dns[] = "dns:";
enum { KIND_LENGTH = sizeof(uri) - 1 };

static bool is_lower(uint8_t c) {
    return c >= 'a' && c <= 'z';
}

static bool is_lower_or_digit(uint8_t c) {
    return is_lower(c) || (c >= '0' && c <= '9');
}

// Labels of letters, digits, '_' and '-', which no label begins or ends with.
static bool is_host(struct slice host) {
    size_t label = 0; // where it begins
    for (size_t i = 0; i <= host.len; i++) {
        if (i == host.len || host.data[i] == '.') {
            if (i == label || i - label > LABEL_MAX || host.data[label] == '-' ||
                host.data[i - 1] == '-') {
                return false;
            }
            label = i + 1;
        } else if (!is_lower_or_digit(host.data[i]) && host.data[i] != '-' && host.data[i] != '_') {
            return false;
        }
    }
    return true;
}

// A scheme in lower case, ":" and at least one character; of what RFC 3986 allows anywhere no more
// is looked at than that it is visible ASCII.
static bool is_uri(struct slice text) {
    size_t scheme = 0;
    while (scheme < text.len && (is_lower_or_digit(text.data[scheme]) ||
                                 (scheme > 0 && memchr("+-.", text.data[scheme], 3) != NULL))) {
        scheme++;
    }
    if (scheme == 0 || !is_lower(text.data[0]) || scheme + 1 >= text.len ||
        text.data[scheme] != ':') {
        return false;
    }
    for (size_t i = scheme + 1; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~' || memchr("\"<>\\^`{|}", text.data[i], 9)) {
            return false;
        }
    }
    return true;
}

static const char *problem(struct arena *a, const char *rule, struct slice name) {
    size_t shown = name.len < 200 ? name.len : 200;
    return arena_printf(a, "%s, got \"%.*s\"", rule, (int)shown, (const char *)name.data);
}

const char *client_name_problem(struct arena *a, struct slice name) {
    struct slice rest = name.len > KIND_LENGTH
                            ? slice_of(name.data + KIND_LENGTH, name.len - KIND_LENGTH)
                            : SLICE_EMPTY;
    if (rest.len > 0 && slice_starts_with(name, slice_of_cstr(uri))) {
        if (rest.len > URI_MAX) {
            return arena_printf(a, "must have a URI of at most %d bytes, got %zu", URI_MAX,
                                rest.len);
        }
        return is_uri(rest) ? NULL
                            : problem(a,
                                      "must have a URI behind \"uri:\", its scheme in lower case, "
                                      "such as \"uri:spiffe://acme/worker\"",
                                      name);
    }
    if (rest.len > 0 && slice_starts_with(name, slice_of_cstr(dns))) {
        if (rest.len > HOST_MAX) {
            return arena_printf(a, "must have a host's name of at most %d bytes, got %zu", HOST_MAX,
                                rest.len);
        }
        return is_host(rest) ? NULL
                             : problem(a,
                                       "must have a host's name behind \"dns:\", in lower case and "
                                       "without a wildcard, such as \"dns:worker.example\"",
                                       name);
    }
    return problem(a, "must be \"uri:\" and a URI, or \"dns:\" and a host's name", name);
}

void client_name_hash(struct slice name, uint8_t ret_hash[TOKEN_HASH_BYTES]) {
    enum { BEGIN_LENGTH = sizeof(hash_begin) - 1 };
    uint8_t text[BEGIN_LENGTH + KIND_LENGTH + URI_MAX];
    CHECK(name.len <= KIND_LENGTH + URI_MAX);
    memcpy(text, hash_begin, BEGIN_LENGTH);
    bool is_dns = slice_starts_with(name, slice_of_cstr(dns));
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        text[BEGIN_LENGTH + i] = is_dns && c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
    }
    token_hash(slice_of(text, BEGIN_LENGTH + name.len), ret_hash);
}
