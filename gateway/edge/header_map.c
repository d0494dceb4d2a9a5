#include "gateway/edge/header_map.h"

#include <string.h>

#include "base/core/base64.h"
#include "base/core/http_token.h"

// --- what may be mapped ---

// Hop-by-hop (RFC 9110 section 7.6.1), of the message's framing, of gRPC, or passed on
// or read by the gateway itself.
static const char *const reserved_names[] = {
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "te",
    "trailer",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-request-id",
    "x-request-timeout",
    "proxy-authenticate",
};

static const char *const reserved_prefixes[] = {"grpc-", "access-control-"};

// Headers of a reply that the gateway makes, or libmicrohttpd.
static const char *const reply_names[] = {
    "allow", "cache-control", "date", "etag", "retry-after", "vary", "www-authenticate",
};

static bool is_among(const char *name, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

#define IS_AMONG(name, names) is_among((name), (names), sizeof(names) / sizeof((names)[0]))

static bool is_reserved(const char *name) {
    for (size_t i = 0; i < sizeof(reserved_prefixes) / sizeof(reserved_prefixes[0]); i++) {
        if (strncmp(name, reserved_prefixes[i], strlen(reserved_prefixes[i])) == 0) {
            return true;
        }
    }
    return IS_AMONG(name, reserved_names);
}

static bool is_lower_token(const char *name) {
    for (const char *c = name; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            return false;
        }
    }
    return http_token_valid(slice_of_cstr(name));
}

static bool is_key(const char *name) {
    return name[0] != '\0' && name[strspn(name, "0123456789abcdefghijklmnopqrstuvwxyz_.-")] == '\0';
}

static const struct error *check_one(struct arena *a, const struct header_mapping *m,
                                     enum header_map_direction direction) {
    bool is_request = direction == HEADER_MAP_REQUEST;
    const char *http = is_request ? m->from : m->to;
    const char *key = is_request ? m->to : m->from;
    if (!is_lower_token(http)) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "the header name \"%s\" is no HTTP token in lower case", http);
    }
    if (!is_key(key)) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "the metadata key \"%s\" must be of a-z, 0-9, \"_\", \"-\" and \".\"",
                         key);
    }
    if (is_reserved(http) || is_reserved(key)) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "\"%s\" cannot be mapped: it belongs to HTTP, gRPC or the gateway",
                         is_reserved(http) ? http : key);
    }
    if (is_request && (strcmp(key, RPC_FORWARDED_FOR) == 0 || strcmp(key, RPC_CLIENT_NAME) == 0)) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "no header can be mapped to \"%s\": the gateway sets it itself", key);
    }
    if (!is_request && IS_AMONG(http, reply_names)) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "metadata cannot be mapped to \"%s\": the gateway sets it itself", http);
    }
    return NULL;
}

const struct error *header_map_check(struct arena *a, struct header_map map,
                                     enum header_map_direction direction) {
    for (size_t i = 0; i < map.count; i++) {
        const struct header_mapping *m = &map.items[i];
        const struct error *error = check_one(a, m, direction);
        if (error != NULL) {
            return error;
        }
        for (size_t n = 0; n < i; n++) {
            bool same_from = strcmp(map.items[n].from, m->from) == 0;
            if (same_from || strcmp(map.items[n].to, m->to) == 0) {
                return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                                 "two mappings are %s \"%s\", one is allowed",
                                 same_from ? "from" : "to", same_from ? m->from : m->to);
            }
        }
    }
    return NULL;
}

// --- values ---

static bool is_binary(const char *key) {
    size_t n = strlen(key);
    return n >= 4 && memcmp(key + n - 4, "-bin", 4) == 0;
}

static bool is_printable(struct slice value) {
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < 0x20 || value.data[i] > 0x7E) {
            return false;
        }
    }
    return true;
}

static const struct header_mapping *mapping_of_header(struct header_map map, struct slice name) {
    for (size_t i = 0; i < map.count; i++) {
        if (header_equal(name, map.items[i].from)) {
            return &map.items[i];
        }
    }
    return NULL;
}

size_t header_map_request_bound(struct header_map map, struct http_headers headers) {
    size_t bound = 0;
    for (size_t i = 0; map.count > 0 && i < headers.count; i++) {
        const struct header_mapping *m = mapping_of_header(map, headers.items[i].name);
        bound += m != NULL;
        for (size_t n = 0; m != NULL && is_binary(m->to) && n < headers.items[i].value.len; n++) {
            bound += headers.items[i].value.data[n] == ',';
        }
    }
    return bound;
}

static const struct error *refuse(struct arena *a, const char *name, const char *what) {
    struct error *e = error_new(a, STATUS_INVALID_ARGUMENT, REASON_HEADER_INVALID,
                                "the header \"%s\" must be %s", name, what);
    e->domain = REASON_DOMAIN_GATEWAY;
    return e;
}

// Repeated binary values may have been joined by commas.
static const struct error *append_binary(struct arena *a, const struct header_mapping *m,
                                         struct slice rest, struct rpc_metadata *metadata,
                                         int *count) {
    do {
        struct slice text = header_take_until(&rest, ',');
        uint8_t *bytes = arena_alloc(a, text.len / 4 * 3 + 2);
        size_t size;
        if (!base64_decode(text, bytes, &size)) {
            return refuse(a, m->from, "base64");
        }
        metadata[(*count)++] = (struct rpc_metadata){m->to, slice_of(bytes, size)};
    } while (rest.len > 0);
    return NULL;
}

const struct error *header_map_request(struct arena *a, struct header_map map,
                                       struct http_headers headers, struct rpc_metadata *metadata,
                                       int *count) {
    const struct error *error = NULL;
    for (size_t i = 0; error == NULL && map.count > 0 && i < headers.count; i++) {
        const struct http_header *h = &headers.items[i];
        const struct header_mapping *m = mapping_of_header(map, h->name);
        if (m == NULL) {
            continue;
        }
        if (is_binary(m->to)) {
            error = append_binary(a, m, h->value, metadata, count);
        } else if (is_printable(h->value)) {
            metadata[(*count)++] = (struct rpc_metadata){m->to, h->value};
        } else {
            error = refuse(a, m->from, "printable ASCII");
        }
    }
    return error;
}

enum header_map_outcome header_map_response(struct arena *a, struct header_map map,
                                            struct slice key, struct slice value,
                                            const char **ret_name, const char **ret_value) {
    const struct header_mapping *m = NULL;
    for (size_t i = 0; m == NULL && i < map.count; i++) {
        m = slice_equal_cstr(key, map.items[i].from) ? &map.items[i] : NULL;
    }
    if (m == NULL || value.len == 0) {
        return HEADER_MAP_NONE;
    }
    *ret_name = m->to;
    if (is_binary(m->from)) {
        size_t size = base64_encoded_size(value.len);
        uint8_t *text = arena_alloc(a, size + 1);
        base64_encode(value, text);
        text[size] = '\0';
        *ret_value = (const char *)text;
        return HEADER_MAP_VALUE;
    }
    if (!is_printable(value)) {
        return HEADER_MAP_INVALID;
    }
    *ret_value = arena_cstr(a, value);
    return HEADER_MAP_VALUE;
}
