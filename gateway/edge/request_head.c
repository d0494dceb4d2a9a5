#include "gateway/edge/request_head.h"

#include <string.h>
#include <strings.h>

#include "base/core/http_token.h"
#include "base/core/request_id.h"
#include "gateway/edge/authority.h"
#include "gateway/edge/head_room.h"

// libmicrohttpd 0.9.75 parses laxer than RFC 9112 allows a server that stands before
// others; what request smuggling needs is refused here.

enum { LONGEST_TIMEOUT_MS = 24 * 60 * 60 * 1000 };

// Headers that must not be there twice: two of them mean two readings.
static const char *const single_headers[] = {
    "authorization", "content-length", "content-type",      "grpc-timeout",
    "host",          "x-request-id",   "transfer-encoding", "x-request-timeout",
};

static const struct error *fail(struct error *e) {
    e->domain = REASON_DOMAIN_GATEWAY;
    return e;
}

#define REFUSE(arena_, ...)                                                                        \
    fail(error_new((arena_), STATUS_INVALID_ARGUMENT, REASON_HEADER_INVALID, __VA_ARGS__))

static const struct http_header *find(const struct request_head *head, const char *name) {
    return header_find((struct http_headers){head->headers, head->header_count}, name);
}

struct slice http_header_shown_name(struct slice name) {
    static const char secret[] = "authorization";
    size_t longest = 100;
    if (name.len > strlen(secret) &&
        strncasecmp((const char *)name.data, secret, strlen(secret)) == 0) {
        longest = strlen(secret);
    }
    return slice_of(name.data, name.len < longest ? name.len : longest);
}

// --- sizes ---

static const struct error *check_sizes(struct arena *a, const struct request_head *head,
                                       const struct gateway_limits *limits) {
    if (head->target.len > limits->url_bytes) {
        return fail(error_new(a, STATUS_INVALID_ARGUMENT, REASON_URL_TOO_LONG,
                              "path and query have %zu bytes, at most %zu are allowed",
                              head->target.len, limits->url_bytes));
    }
    // "METHOD target HTTP/1.1\r\n", then "name: value\r\n" for each.
    size_t bytes = head->method.len + head->target.len + strlen("  HTTP/1.1\r\n");
    for (size_t i = 0; i < head->header_count; i++) {
        bytes += head->headers[i].name.len + head->headers[i].value.len + strlen(": \r\n");
    }
    if (bytes > limits->header_bytes) {
        return fail(error_new(a, STATUS_INVALID_ARGUMENT, REASON_HEADERS_TOO_LARGE,
                              "request line and headers have %zu bytes, at most %zu are allowed",
                              bytes, limits->header_bytes));
    }
    if (!head_room_holds(limits, bytes, head->header_count)) {
        return fail(error_new(a, STATUS_INVALID_ARGUMENT, REASON_HEADERS_TOO_LARGE,
                              "%zu headers are too many in a head of %zu bytes: with %d for each "
                              "they make %zu, at most %zu are allowed",
                              head->header_count, bytes, HEAD_ROOM_ENTRY_BYTES,
                              head_room_needed(bytes, head->header_count), head_room_size(limits)));
    }
    return NULL;
}

// --- each header by itself ---

static bool has_control_character(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if ((s.data[i] < 0x20 && s.data[i] != '\t') || s.data[i] == 0x7F) {
            return true;
        }
    }
    return false;
}

static const struct error *check_headers(struct arena *a, const struct request_head *head) {
    if (!http_token_valid(head->method)) {
        return REFUSE(a, "the method \"%.*s\" is no token",
                      (int)(head->method.len < 100 ? head->method.len : 100),
                      (const char *)head->method.data);
    }
    for (size_t i = 0; i < head->header_count; i++) {
        const struct http_header *h = &head->headers[i];
        if (!http_token_valid(h->name)) {
            return REFUSE(a, "the header name \"%.*s\" is no token",
                          SLICE_FMT(http_header_shown_name(h->name)));
        }
        if (has_control_character(h->value)) {
            return REFUSE(a, "the header \"%.*s\" holds a control character",
                          SLICE_FMT(http_header_shown_name(h->name)));
        }
    }
    for (size_t n = 0; n < sizeof(single_headers) / sizeof(single_headers[0]); n++) {
        int count = 0;
        for (size_t i = 0; i < head->header_count; i++) {
            count += header_equal(head->headers[i].name, single_headers[n]);
        }
        if (count > 1) {
            return REFUSE(a, "the header \"%s\" is there %d times, once is allowed",
                          single_headers[n], count);
        }
    }
    const struct http_header *host = find(head, "host");
    if (head->http_1_1 && host == NULL) {
        return REFUSE(a, "the header \"host\" is missing, which HTTP/1.1 requires");
    }
    // RFC 9112 section 3.2. Not quoted: it may hold a password.
    if (host != NULL && !authority_is_valid(header_trim(host->value))) {
        return REFUSE(a, "the header \"host\" is no host with or without a port");
    }
    return NULL;
}

// --- the target ---

static const struct error *check_target_bytes(struct arena *a, struct slice target) {
    for (size_t i = 0; i < target.len; i++) {
        if (target.data[i] <= 0x20 || target.data[i] >= 0x7F || target.data[i] == '#') {
            return REFUSE(a, "the request target holds the byte 0x%02x, which must be %%-encoded",
                          target.data[i]);
        }
    }
    return NULL;
}

// Takes "http://authority" off an absolute-form target (RFC 9112 section 3.2.2). The
// authority ends at the first "/" or "?" (RFC 3986 section 3.2).
static const struct error *take_authority(struct arena *a, struct slice *target) {
    static const char *const schemes[] = {"http://", "https://"};
    size_t begin = 0;
    for (int i = 0; i < 2 && begin == 0; i++) {
        size_t n = strlen(schemes[i]);
        if (target->len >= n && strncasecmp((const char *)target->data, schemes[i], n) == 0) {
            begin = n;
        }
    }
    if (begin == 0) {
        return NULL;
    }
    size_t end = begin;
    while (end < target->len && target->data[end] != '/' && target->data[end] != '?') {
        // RFC 9110 section 4.2.4. Not quoted: it may be a password.
        if (target->data[end] == '@') {
            return REFUSE(a, "the request target must not name a user before its host");
        }
        end++;
    }
    // RFC 9110 section 4.2.1.
    if (end == begin || target->data[begin] == ':') {
        return REFUSE(a, "the request target \"%.*s\" names no host",
                      (int)(target->len < 100 ? target->len : 100), (const char *)target->data);
    }
    if (!authority_is_valid(slice_of(target->data + begin, end - begin))) {
        return REFUSE(a, "the request target \"%.*s\" names no host with or without a port",
                      (int)(target->len < 100 ? target->len : 100), (const char *)target->data);
    }
    *target = slice_of(target->data + end, target->len - end);
    return NULL;
}

static const struct error *check_target(struct arena *a, const struct request_head *head,
                                        struct request_facts *ret) {
    struct slice target = head->target;
    const struct error *error = check_target_bytes(a, target);
    if (error == NULL) {
        error = take_authority(a, &target);
    }
    if (error != NULL) {
        return error;
    }
    bool is_absolute = target.data != head->target.data;
    bool has_path = target.len > 0 && target.data[0] == '/';
    bool is_asterisk =
        slice_equal_cstr(head->method, "OPTIONS") && !is_absolute && slice_equal_cstr(target, "*");
    if (!has_path && !is_absolute && !is_asterisk) {
        return REFUSE(a, "the request target \"%.*s\" does not begin with \"/\"",
                      (int)(target.len < 100 ? target.len : 100), (const char *)target.data);
    }
    const uint8_t *mark = target.len > 0 ? memchr(target.data, '?', target.len) : NULL;
    ret->path = mark != NULL ? slice_of(target.data, (size_t)(mark - target.data)) : target;
    ret->query = mark != NULL ? slice_of(mark + 1, target.len - ret->path.len - 1) : SLICE_EMPTY;
    if (ret->path.len == 0) {
        ret->path = slice_of_cstr("/"); // RFC 9110 section 4.2.3
    }
    return NULL;
}

// --- the body's framing (RFC 9112 section 6) ---

static bool read_number(struct slice s, size_t most_digits, uint64_t *ret) {
    if (s.len == 0 || s.len > most_digits) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(s.data[i] - '0');
    }
    *ret = value;
    return true;
}

static const struct error *check_framing(struct arena *a, const struct request_head *head,
                                         const struct gateway_limits *limits,
                                         struct request_facts *ret) {
    const struct http_header *length = find(head, "content-length");
    const struct http_header *encoding = find(head, "transfer-encoding");
    if (length != NULL && encoding != NULL) {
        return REFUSE(a, "\"content-length\" and \"transfer-encoding\" exclude each other");
    }
    if (encoding != NULL) {
        if (!header_equal(encoding->value, "chunked")) {
            return REFUSE(a, "\"transfer-encoding\" must be \"chunked\", got \"%.*s\"",
                          (int)(encoding->value.len < 100 ? encoding->value.len : 100),
                          (const char *)encoding->value.data);
        }
        if (!head->http_1_1) {
            return REFUSE(a, "\"transfer-encoding\" needs HTTP/1.1");
        }
        ret->is_chunked = true;
    }
    if (length != NULL) {
        if (!read_number(length->value, 18, &ret->content_length)) {
            return REFUSE(a,
                          "\"content-length\" must be a number of at most 18 digits, got \"%.*s\"",
                          (int)(length->value.len < 100 ? length->value.len : 100),
                          (const char *)length->value.data);
        }
        ret->has_content_length = true;
        if (ret->content_length > limits->body_bytes) {
            return fail(error_new(a, STATUS_INVALID_ARGUMENT, REASON_BODY_TOO_LARGE,
                                  "the body has %llu bytes, at most %zu are allowed",
                                  (unsigned long long)ret->content_length, limits->body_bytes));
        }
    }
    return NULL;
}

// --- expectations (RFC 9110 section 10.1.1) ---

static const struct error *check_expectations(struct arena *a, const struct request_head *head) {
    struct header_list list =
        header_list_of((struct http_headers){head->headers, head->header_count}, "expect");
    struct slice expectation;
    while (head->http_1_1 && header_list_next(&list, &expectation)) {
        if (!header_equal(expectation, "100-continue")) {
            return fail(error_new(a, STATUS_INVALID_ARGUMENT, REASON_EXPECTATION_FAILED,
                                  "\"expect\" must be \"100-continue\", got \"%.*s\"",
                                  (int)(expectation.len < 100 ? expectation.len : 100),
                                  (const char *)expectation.data));
        }
    }
    return NULL;
}

// --- the media type (RFC 9110 section 8.3) ---

static bool is_json(struct slice content_type) {
    struct slice rest = content_type;
    if (!header_equal(header_take_until(&rest, ';'), "application/json")) {
        return false;
    }
    while (rest.len > 0) {
        struct slice value = header_take_until(&rest, ';');
        struct slice name = header_take_until(&value, '=');
        if (header_equal(name, "charset") && !header_equal(value, "utf-8") &&
            !header_equal(value, "\"utf-8\"")) {
            return false;
        }
    }
    return true;
}

// --- the content coding (RFC 9110 section 8.4) ---

static void read_content_codings(const struct request_head *head, struct request_facts *ret) {
    struct header_list list = header_list_of(
        (struct http_headers){head->headers, head->header_count}, "content-encoding");
    struct slice coding;
    while (header_list_next(&list, &coding)) {
        // RFC 9110 section 8.4.1.3: x-gzip is gzip.
        bool is_gzip = header_equal(coding, "gzip") || header_equal(coding, "x-gzip");
        if (is_gzip && !ret->is_gzip) {
            ret->is_gzip = true;
        } else if (!header_equal(coding, "identity") && ret->content_encoding.len == 0) {
            ret->content_encoding = coding;
        }
    }
}

// --- deadlines ---

// Seconds with at most three decimals that count: "2.5".
static bool read_seconds(struct slice s, int64_t *ret_ms) {
    struct slice rest = s;
    struct slice whole = header_take_until(&rest, '.');
    bool has_point = whole.len < s.len;
    uint64_t seconds = 0;
    uint64_t fraction = 0;
    if (!read_number(whole, 9, &seconds) || (has_point && !read_number(rest, 9, &fraction))) {
        return false;
    }
    for (size_t digits = rest.len; digits > 3; digits--) {
        fraction /= 10;
    }
    for (size_t digits = rest.len; digits < 3; digits++) {
        fraction *= 10;
    }
    *ret_ms = (int64_t)(seconds * 1000 + fraction);
    return true;
}

// gRPC's own syntax: up to 8 digits and a unit
// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
static bool read_grpc_timeout(struct slice s, int64_t *ret_ms) {
    uint64_t value = 0;
    if (s.len < 2 || !read_number(slice_of(s.data, s.len - 1), 8, &value)) {
        return false;
    }
    int64_t n = (int64_t)value;
    switch (s.data[s.len - 1]) {
    case 'H':
        *ret_ms = n * 3600 * 1000;
        return true;
    case 'M':
        *ret_ms = n * 60 * 1000;
        return true;
    case 'S':
        *ret_ms = n * 1000;
        return true;
    case 'm':
        *ret_ms = n;
        return true;
    case 'u':
        *ret_ms = (n + 999) / 1000;
        return true;
    case 'n':
        *ret_ms = (n + 999999) / 1000000;
        return true;
    default:
        return false;
    }
}

static const struct error *check_timeouts(struct arena *a, const struct request_head *head,
                                          struct request_facts *ret) {
    static const struct {
        const char *name;
        bool (*read)(struct slice s, int64_t *ret_ms);
        const char *syntax;
    } kinds[] = {
        {"x-request-timeout", read_seconds, "seconds above 0, \"2.5\" say"},
        {"grpc-timeout", read_grpc_timeout, "up to 8 digits and one of H M S m u n, above 0"},
    };
    for (int i = 0; i < 2; i++) {
        const struct http_header *h = find(head, kinds[i].name);
        if (h == NULL) {
            continue;
        }
        int64_t ms = 0;
        if (!kinds[i].read(h->value, &ms) || ms <= 0) {
            return REFUSE(a, "the header \"%s\" must be %s, got \"%.*s\"", kinds[i].name,
                          kinds[i].syntax, (int)(h->value.len < 100 ? h->value.len : 100),
                          (const char *)h->value.data);
        }
        ms = ms < LONGEST_TIMEOUT_MS ? ms : LONGEST_TIMEOUT_MS;
        if (ret->timeout_ms == 0 || ms < ret->timeout_ms) {
            ret->timeout_ms = ms;
        }
    }
    return NULL;
}

// --- persistence (RFC 9112 section 9.3) ---

static bool is_persistent(const struct request_head *head) {
    struct header_list list =
        header_list_of((struct http_headers){head->headers, head->header_count}, "connection");
    struct slice option;
    bool keeps = head->http_1_1;
    while (header_list_next(&list, &option)) {
        if (header_equal(option, "close")) {
            return false;
        }
        keeps = keeps || header_equal(option, "keep-alive");
    }
    return keeps;
}

const struct error *request_head_check(struct arena *a, const struct request_head *head,
                                       const struct gateway_limits *limits,
                                       struct request_facts *ret) {
    *ret = (struct request_facts){
        .is_http_1_1 = head->http_1_1,
        .is_persistent = is_persistent(head),
        .media_type_is_json = true,
    };
    const struct http_header *request_id = find(head, "x-request-id");
    if (request_id != NULL && request_id_valid(request_id->value)) {
        ret->request_id = request_id->value;
    }
    const struct http_header *authorization = find(head, "authorization");
    if (authorization != NULL) {
        ret->has_authorization = true;
        ret->authorization = authorization->value;
    }
    const struct http_header *content_type = find(head, "content-type");
    if (content_type != NULL) {
        ret->content_type = content_type->value;
        ret->media_type_is_json = is_json(content_type->value);
    }
    read_content_codings(head, ret);
    const struct error *error = check_sizes(a, head, limits);
    if (error == NULL) {
        error = check_headers(a, head);
    }
    if (error == NULL) {
        error = check_target(a, head, ret);
    }
    if (error == NULL) {
        error = check_expectations(a, head);
    }
    if (error == NULL) {
        error = check_framing(a, head, limits, ret);
    }
    return error != NULL ? error : check_timeouts(a, head, ret);
}
