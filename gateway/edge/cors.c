#include "gateway/edge/cors.h"

#include <inttypes.h>
#include <string.h>

#include "base/core/http_token.h"
#include "base/core/strbuf.h"

// What a page may send without being mapped.
static const char *const request_names[] = {
    "accept",       "authorization",   "content-encoding", "content-type",
    "grpc-timeout", "idempotency-key", "if-none-match",    "last-event-id",
    "traceparent",  "tracestate",      "x-request-id",     "x-request-timeout",
};

// What a page may read beside what the mappings add.
static const char expose_names[] = "X-Request-Id, ETag, Retry-After, Allow, Idempotency-Replayed, "
                                   "RateLimit, RateLimit-Policy";

// --- the options ---

// How long the host at the beginning of text is; an IPv6 address has brackets. 0 if
// there is none.
static size_t host_length(const char *text) {
    if (text[0] != '[') {
        return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-._");
    }
    size_t digits = strspn(text + 1, "0123456789abcdef:.");
    return digits >= 2 && text[1 + digits] == ']' ? digits + 2 : 0;
}

// scheme "://" host [ ":" port ], serialized as
// https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin does: in lower case,
// without a path.
static bool is_origin(const char *text) {
    size_t scheme = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+-.");
    if (scheme == 0 || text[0] < 'a' || strncmp(text + scheme, "://", 3) != 0) {
        return false;
    }
    const char *host = text + scheme + 3;
    const char *port = host + host_length(host);
    if (port == host || *port == '\0') {
        return port != host;
    }
    size_t digits = *port == ':' ? strspn(port + 1, "0123456789") : 0;
    return digits > 0 && digits <= 5 && port[1 + digits] == '\0';
}

const struct error *cors_check(struct arena *a, const struct gateway_http_options *options) {
    for (size_t i = 0; i < options->cors_origin_count; i++) {
        const char *origin = options->cors_origins[i];
        if (strcmp(origin, "*") == 0) {
            if (options->cors_credentials) {
                return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                                 "the origin \"*\" and credentials exclude each other");
            }
            if (options->cors_origin_count > 1) {
                return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                                 "the origin \"*\" must be the only one");
            }
        } else if (!is_origin(origin)) {
            return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                             "the origin \"%s\" must be \"*\" or scheme://host[:port] in lower "
                             "case, without a path",
                             origin);
        }
    }
    return NULL;
}

struct cors cors_of(struct arena *a, const struct gateway_http_options *options) {
    bool is_on = options->cors_origin_count > 0;
    const char *expose = expose_names;
    for (size_t i = 0; is_on && i < options->response_header_count; i++) {
        expose = arena_printf(a, "%s, %s", expose, options->response_headers[i].to);
    }
    return (struct cors){
        .options = options,
        .is_on = is_on,
        .varies = is_on && strcmp(options->cors_origins[0], "*") != 0,
        .expose_headers = expose,
        .max_age = arena_printf(a, "%" PRId64, options->cors_max_age_s),
    };
}

// --- requests ---

const char *cors_named_origin(const struct cors *cors, struct slice origin) {
    for (size_t i = 0; cors->varies && i < cors->options->cors_origin_count; i++) {
        if (slice_equal_cstr(origin, cors->options->cors_origins[i])) {
            return cors->options->cors_origins[i];
        }
    }
    return NULL;
}

const char *cors_allow_origin(const struct cors *cors, struct http_headers headers) {
    if (!cors->is_on) {
        return NULL;
    }
    const struct http_header *origin = header_find(headers, "origin");
    if (origin == NULL) {
        return NULL;
    }
    return cors->varies ? cors_named_origin(cors, origin->value) : "*";
}

struct slice cors_preflight_method(struct slice method, struct http_headers headers) {
    if (!slice_equal_cstr(method, "OPTIONS") || header_find(headers, "origin") == NULL) {
        return SLICE_EMPTY;
    }
    const struct http_header *asked = header_find(headers, "access-control-request-method");
    return asked != NULL && http_token_valid(asked->value) ? asked->value : SLICE_EMPTY;
}

static const char *known_name(const struct cors *cors, struct slice name) {
    for (size_t i = 0; i < sizeof(request_names) / sizeof(request_names[0]); i++) {
        if (header_equal(name, request_names[i])) {
            return request_names[i];
        }
    }
    for (size_t i = 0; i < cors->options->request_header_count; i++) {
        if (header_equal(name, cors->options->request_headers[i].from)) {
            return cors->options->request_headers[i].from;
        }
    }
    return NULL;
}

const char *cors_allow_headers(struct arena *a, const struct cors *cors,
                               struct http_headers headers) {
    struct strbuf names = STRBUF_INIT;
    struct header_list list = header_list_of(headers, "access-control-request-headers");
    for (struct slice element; header_list_next(&list, &element);) {
        const char *name = known_name(cors, element);
        if (name != NULL) {
            strbuf_append_cstr(&names, names.len > 0 ? ", " : "");
            strbuf_append_cstr(&names, name);
        }
    }
    const char *text = names.len > 0 ? arena_cstr(a, strbuf_slice(&names)) : NULL;
    strbuf_release(&names);
    return text;
}
