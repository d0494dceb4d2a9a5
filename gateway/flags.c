#include "gateway/flags.h"

#include <string.h>

#include "gateway/edge/cors.h"
#include "gateway/edge/header_map.h"
#include "gateway/edge/trusted_addresses.h"

enum { MOST_ITEMS = 64, HOUR_MS = 3600000 };

static const char *const envelope_words[] = {
    [ENVELOPE_RUNS] = "runs", [ENVELOPE_NONE] = "none", NULL};
static const char *const json_numbers_words[] = {"exact", "round", NULL};
static const char *const query_unknown_words[] = {"refuse", "ignore", NULL};
static const char *const forwarded_for_words[] = {"connection", "append", NULL};
static const char *const web_words[] = {"off", "on", NULL};
static const char *const stream_json_words[] = {
    [STREAM_JSON_LINES] = "lines", [STREAM_JSON_ARRAY] = "array", NULL};
static const char *const headers_after_words[] = {"off", NULL}; // -1: never
static const char *const gzip_words[] = {"off", NULL}; // -1: SIZE_MAX, no reply is that large

const struct cli_option gateway_flags_rows[] = {
    {.name = "--envelope",
     .value = "KIND",
     CLI_WORD_AT(struct gateway_flags, options.http.envelope),
     .words = envelope_words,
     .fallback = "runs",
     .help = "runs: {code, data, message, requestId} around replies; "
             "none: messages as they are, errors as google.rpc.Status"},
    {.name = "--ignore-unknown-fields",
     .reload = true,
     CLI_FLAG_AT(struct gateway_flags, options.ignore_unknown),
     .help = "of JSON bodies, instead of refusing them"},
    {.name = "--json-numbers",
     .reload = true,
     .value = "exact|round",
     CLI_WORD_AT(struct gateway_flags, json_numbers),
     .words = json_numbers_words,
     .fallback = "exact",
     .help = "free-form numbers that a 64-bit float cannot "
             "keep: refused or rounded"},
    {.name = "--json-emit-defaults",
     .reload = true,
     CLI_FLAG_AT(struct gateway_flags, options.json.emit_defaults),
     .help = "prints fields that hold their default"},
    {.name = "--json-proto-names",
     .reload = true,
     CLI_FLAG_AT(struct gateway_flags, options.json.proto_names),
     .help = "prints fields by their proto names"},
    {.name = "--json-enums-as-numbers",
     .reload = true,
     CLI_FLAG_AT(struct gateway_flags, options.json.enums_as_numbers),
     .help = "prints enums as numbers, but those with words"},
    {.name = "--query-unknown",
     .reload = true,
     .value = "refuse|ignore",
     CLI_WORD_AT(struct gateway_flags, query_unknown),
     .words = query_unknown_words,
     .fallback = "refuse",
     .help = "keys of a query that are no field's"},
    {.name = "--query-ignore",
     .reload = true,
     .value = "KEY",
     CLI_LIST_AT(struct gateway_flags, ignored_query),
     .most = MOST_ITEMS,
     .help = "one that is ignored; KEY* is all that begin so"},
    {.name = "--cors-origin",
     .reload = true,
     .value = "ORIGIN",
     CLI_LIST_AT(struct gateway_flags, cors_origins),
     .most = MOST_ITEMS,
     .help = "scheme://host[:port] whose pages may read replies, or *"},
    {.name = "--cors-credentials",
     .reload = true,
     CLI_FLAG_AT(struct gateway_flags, options.http.cors_credentials),
     .help = "lets these pages send cookies and client certificates"},
    {.name = "--cors-max-age-s",
     .reload = true,
     .value = "N",
     CLI_NUMBER_AT(struct gateway_flags, options.http.cors_max_age_s),
     CLI_GIVEN_AT(struct gateway_flags, has_cors_max_age),
     .least = 1,
     .most = 86400,
     .fallback_number = GATEWAY_DEFAULT_CORS_MAX_AGE_S,
     .help = "how long browsers keep a preflight's answer"},
    {.name = "--request-header",
     .value = "NAME[=KEY]",
     CLI_LIST_AT(struct gateway_flags, request_headers),
     .most = MOST_ITEMS,
     .help = "HTTP header passed on as metadata"},
    {.name = "--forwarded-for",
     .value = "KIND",
     CLI_WORD_AT(struct gateway_flags, forwarded_for),
     .words = forwarded_for_words,
     .fallback = "connection",
     .help = "of the metadata x-forwarded-for: connection: its address; "
             "append: that behind the request's X-Forwarded-For"},
    {.name = "--trust-forwarded-for",
     .reload = true,
     .value = "CIDR,...",
     CLI_LIST_AT(struct gateway_flags, trusted_addresses),
     .most = MOST_ITEMS,
     .help = "proxies whose X-Forwarded-For says who the client is: addresses, ranges, unix"},
    {.name = "--response-header",
     .value = "KEY[=NAME]",
     CLI_LIST_AT(struct gateway_flags, response_headers),
     .most = MOST_ITEMS,
     .help = "metadata of replies passed on as HTTP header"},
    {.name = "--gzip-min-bytes",
     .reload = true,
     .value = "N|off",
     CLI_NUMBER_AT(struct gateway_flags, options.http.gzip_min_bytes),
     .least = 1,
     .most = 1 << 30,
     .words = gzip_words,
     .words_from = -1,
     .fallback_number = GATEWAY_DEFAULT_GZIP_MIN_BYTES,
     .help = "replies from this size on are compressed"},
    {.name = "--stream-heartbeat-ms",
     .value = "N",
     CLI_NUMBER_AT(struct gateway_flags, options.http.stream_heartbeat_ms),
     .least = 100,
     .most = HOUR_MS,
     .fallback_number = GATEWAY_DEFAULT_STREAM_HEARTBEAT_MS,
     .help = "of a stream without messages"},
    {.name = "--stream-headers-ms",
     .value = "N|off",
     CLI_NUMBER_AT(struct gateway_flags, options.http.stream_headers_after_ms),
     .least = 1,
     .most = HOUR_MS,
     .words = headers_after_words,
     .words_from = -1,
     .fallback_number = GATEWAY_DEFAULT_STREAM_HEADERS_MS,
     .help = "of a stream whose upstream sends nothing, not even metadata"},
    {.name = "--stream-json",
     .value = "KIND",
     CLI_WORD_AT(struct gateway_flags, options.http.stream_json),
     .words = stream_json_words,
     .fallback = "lines",
     .help = "lines: streams are NDJSON; array: one JSON array"},
    {.name = "--web",
     .value = "on|off",
     CLI_WORD_AT(struct gateway_flags, web),
     CLI_GIVEN_AT(struct gateway_flags, has_web),
     .words = web_words,
     .default_help = "on with runsctl serve, else off",
     .help = "the reference page at /docs, where the API has no route"},
    {.name = "--max-header-bytes",
     .value = "N",
     CLI_NUMBER_AT(struct gateway_flags, options.limits.header_bytes),
     .least = 1,
     .most = 1 << 20,
     .fallback_number = GATEWAY_DEFAULT_HEADER_BYTES,
     .help = "of an HTTP request's head"},
    {.name = "--max-body-bytes",
     .value = "N",
     CLI_NUMBER_AT(struct gateway_flags, options.limits.body_bytes),
     .least = 1,
     .most = 1 << 30,
     .fallback_number = GATEWAY_DEFAULT_BODY_BYTES,
     .help = "of an HTTP request's body, of gzip when inflated"},
    {.name = "--max-url-bytes",
     .value = "N",
     CLI_NUMBER_AT(struct gateway_flags, options.limits.url_bytes),
     .least = 1,
     .most = 1 << 20,
     .fallback_number = GATEWAY_DEFAULT_URL_BYTES,
     .help = "of an HTTP request's path and query"},
    {.name = "--max-buffered-bytes",
     .value = "N",
     CLI_NUMBER_AT(struct gateway_flags, options.limits.buffered_bytes),
     CLI_GIVEN_AT(struct gateway_flags, has_buffered_bytes),
     .least = GATEWAY_LEAST_BUFFERED_BYTES,
     .most = INT64_C(1) << 40,
     .fallback_number = GATEWAY_DEFAULT_BUFFERED_BYTES,
     .help = "of bodies, messages and replies of HTTP at once; "
             "more wait, then: 429"},
    {.name = "--max-connections",
     .value = "N",
     CLI_NUMBER_AT(struct gateway_flags, connections.connections),
     CLI_GIVEN_AT(struct gateway_flags, connections.is_given),
     .least = 1,
     .most = 1000000,
     .fallback_number = GATEWAY_DEFAULT_CONNECTIONS,
     .default_help = "or what fits the limit of open files",
     .help = "of HTTP at once"},
    {.name = "--max-in-flight",
     .value = "N",
     CLI_NUMBER_AT(struct gateway_flags, options.limits.calls_in_flight),
     .least = 1,
     .most = 1000000,
     .fallback_number = GATEWAY_DEFAULT_CALLS_IN_FLIGHT,
     .help = "calls behind HTTP requests at once; more: 429"},
    {.name = "--reserved-in-flight",
     .value = "N",
     CLI_NUMBER_AT(struct gateway_flags, options.limits.reserved_calls),
     CLI_GIVEN_AT(struct gateway_flags, has_reserved_calls),
     .least = 0,
     .most = 999999,
     .default_help = "a quarter",
     .help = "of these, for requests that change something"},
    {.name = "--max-streams",
     .value = "N",
     CLI_NUMBER_AT(struct gateway_flags, options.limits.streams),
     .least = 1,
     .most = 1000000,
     .fallback_number = GATEWAY_DEFAULT_STREAMS,
     .help = "open at once, beside the calls; more: 429"},
    {.name = "--max-anonymous-streams",
     .value = "N",
     CLI_NUMBER_AT(struct gateway_flags, options.limits.anonymous_streams),
     .least = 1,
     .most = 1000000,
     .default_help = "as many",
     .help = "of requests without Authorization, beside these"},
    {.name = "--idle-timeout-ms",
     .value = "N",
     CLI_NUMBER_AT(struct gateway_flags, options.limits.idle_timeout_ms),
     .least = 1,
     .most = HOUR_MS,
     .fallback_number = GATEWAY_DEFAULT_IDLE_TIMEOUT_MS,
     .help = "of a quiet HTTP connection"},
    {.name = "--request-timeout-ms",
     .value = "N",
     CLI_NUMBER_AT(struct gateway_flags, options.limits.request_timeout_ms),
     .least = 1,
     .most = HOUR_MS,
     .fallback_number = GATEWAY_DEFAULT_REQUEST_TIMEOUT_MS,
     .help = "to receive one HTTP request"},
    {.name = "--upstream-timeout-ms",
     .reload = true,
     .value = "N",
     CLI_NUMBER_AT(struct gateway_flags, options.limits.upstream_timeout_ms),
     .least = 1,
     .most = HOUR_MS,
     .fallback_number = GATEWAY_DEFAULT_UPSTREAM_TIMEOUT_MS,
     .help = "of the call behind an HTTP request"},
    {.name = NULL},
};

static const struct error *of_flag(struct arena *a, const char *flag, const struct error *error) {
    return error == NULL
               ? NULL
               : error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: %s", flag, error->message);
}

static const char *lower_case(struct arena *a, const char *text, size_t length) {
    char *copy = arena_cstr(a, slice_of(text, length));
    for (char *c = copy; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            *c = (char)(*c + ('a' - 'A'));
        }
    }
    return copy;
}

// "FROM" or "FROM=TO".
static struct header_mapping mapping_of(struct arena *a, const char *text) {
    const char *equals = strchr(text, '=');
    const char *from = lower_case(a, text, equals != NULL ? (size_t)(equals - text) : strlen(text));
    return (struct header_mapping){
        from, equals != NULL ? lower_case(a, equals + 1, strlen(equals + 1)) : from};
}

static const struct error *read_mappings(struct arena *a, const struct cli_list *texts,
                                         const char *flag, enum header_map_direction direction,
                                         const struct header_mapping **ret_items,
                                         size_t *ret_count) {
    struct header_mapping *items = ARENA_ARRAY(a, struct header_mapping, texts->count + 1);
    for (size_t i = 0; i < texts->count; i++) {
        items[i] = mapping_of(a, texts->items[i]);
    }
    *ret_items = items;
    *ret_count = texts->count;
    const struct header_map map = {items, texts->count};
    return of_flag(a, flag, header_map_check(a, map, direction));
}

static const struct error *finish_cors(struct arena *a, struct gateway_flags *flags) {
    struct gateway_http_options *http = &flags->options.http;
    http->cors_origins = flags->cors_origins.items;
    http->cors_origin_count = flags->cors_origins.count;
    if (http->cors_origin_count == 0 && (http->cors_credentials || flags->has_cors_max_age)) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s needs --cors-origin",
                         http->cors_credentials ? "--cors-credentials" : "--cors-max-age-s");
    }
    const char *flag =
        http->cors_credentials ? "--cors-origin, --cors-credentials" : "--cors-origin";
    return of_flag(a, flag, cors_check(a, http));
}

static const struct error *finish_reserved(struct arena *a, struct gateway_flags *flags) {
    struct gateway_limits *limits = &flags->options.limits;
    if (!flags->has_reserved_calls) {
        return NULL;
    }
    if (limits->reserved_calls >= limits->calls_in_flight) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "--reserved-in-flight: \"%d\" leaves reads nothing of --max-in-flight, "
                         "which is %d",
                         limits->reserved_calls, limits->calls_in_flight);
    }
    limits->reserved_calls = limits->reserved_calls > 0 ? limits->reserved_calls : -1;
    return NULL;
}

static const struct error *finish_buffered(struct arena *a, struct gateway_flags *flags) {
    struct gateway_limits *limits = &flags->options.limits;
    if (!flags->has_buffered_bytes) {
        limits->buffered_bytes = 0; // or more, for large bodies
        return NULL;
    }
    if (limits->buffered_bytes / GATEWAY_BODIES_IN_BUFFER >= limits->body_bytes) {
        return NULL;
    }
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                     "--max-buffered-bytes: \"%zu\" is less than %d times --max-body-bytes, "
                     "which is %zu",
                     limits->buffered_bytes, GATEWAY_BODIES_IN_BUFFER, limits->body_bytes);
}

static const struct error *finish_query(struct arena *a, struct gateway_flags *flags) {
    struct gateway_options *options = &flags->options;
    options->json.round_numbers = flags->json_numbers != 0;
    options->ignore_unknown_query = flags->query_unknown != 0;
    options->ignored_query = flags->ignored_query.items;
    options->ignored_query_count = flags->ignored_query.count;
    for (size_t i = 0; i < flags->ignored_query.count; i++) {
        const char *key = flags->ignored_query.items[i];
        const char *star = strchr(key, '*');
        if (*key == '\0' || star == key || (star != NULL && star[1] != '\0')) {
            return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                             "--query-ignore: \"%s\" is no key and no beginning of keys such as "
                             "utm_*; --query-unknown ignore is for all",
                             key);
        }
    }
    return NULL;
}

static const struct error *finish_trusted(struct arena *a, struct gateway_flags *flags) {
    const char *flag = "--trust-forwarded-for";
    struct gateway_http_options *http = &flags->options.http;
    http->appends_forwarded_for = flags->forwarded_for != 0;
    if (flags->trusted_addresses.count == 0) {
        return NULL;
    }
    if (http->appends_forwarded_for) {
        return error_new(
            a, STATUS_INVALID_ARGUMENT, REASON_NONE,
            "%s and --forwarded-for append exclude each other: with append the upstream "
            "gets the whole chain and decides by itself whom to believe",
            flag);
    }
    struct trusted_addresses *trusted = ARENA_NEW(a, struct trusted_addresses);
    http->trusted = trusted;
    return of_flag(a, flag,
                   trusted_addresses_parse(a, flags->trusted_addresses.items,
                                           flags->trusted_addresses.count, trusted));
}

const struct error *gateway_flags_finish(struct arena *a, struct gateway_flags *flags) {
    struct gateway_http_options *http = &flags->options.http;
    flags->connections.option = "--max-connections";
    flags->options.web = flags->has_web ? flags->web != 0 : flags->options.web;
    const struct error *error = finish_reserved(a, flags);
    if (error == NULL) {
        error = finish_trusted(a, flags);
    }
    if (error == NULL) {
        error = finish_buffered(a, flags);
    }
    if (error == NULL) {
        error = finish_cors(a, flags);
    }
    if (error == NULL) {
        error = finish_query(a, flags);
    }
    if (error == NULL) {
        error = read_mappings(a, &flags->request_headers, "--request-header", HEADER_MAP_REQUEST,
                              &http->request_headers, &http->request_header_count);
    }
    if (error == NULL) {
        error = read_mappings(a, &flags->response_headers, "--response-header", HEADER_MAP_RESPONSE,
                              &http->response_headers, &http->response_header_count);
    }
    return error;
}
