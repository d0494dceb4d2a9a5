#include "gateway/flags.h"

#include <string.h>

#include "gateway/edge/cors.h"
#include "gateway/edge/header_map.h"

const char *const gateway_envelope_words[] = {
    [ENVELOPE_RUNS] = "runs", [ENVELOPE_NONE] = "none", NULL};
const char *const gateway_gzip_words[] = {"off", NULL};
const char *const gateway_web_words[] = {"off", "on", NULL};

static const struct error *of_flag(struct arena *a, const char *flag, const struct error *error) {
    return error == NULL
               ? NULL
               : error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: %s", flag, error->message);
}

static const char *lower_case(struct arena *a, const char *text, size_t length) {
    char *copy = arena_cstr(a, slice_of(text, length));
    for (char *c = copy; *c != '\0'; c++) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + ('a' - 'A')) : *c;
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

static const struct error *read_mappings(struct arena *a, const struct option_value *value,
                                         const char *flag, enum header_map_direction direction,
                                         const struct header_mapping **ret_items,
                                         size_t *ret_count) {
    struct header_mapping *items = ARENA_ARRAY(a, struct header_mapping, value->list_count + 1);
    for (int i = 0; i < value->list_count; i++) {
        items[i] = mapping_of(a, value->list[i]);
    }
    *ret_items = items;
    *ret_count = (size_t)value->list_count;
    const struct header_map map = {items, (size_t)value->list_count};
    return of_flag(a, flag, header_map_check(a, map, direction));
}

static const struct error *read_cors(struct arena *a, const struct option_value *values,
                                     struct gateway_http_options *http) {
    http->cors_origins = values[GATEWAY_FLAG_CORS_ORIGIN].list;
    http->cors_origin_count = (size_t)values[GATEWAY_FLAG_CORS_ORIGIN].list_count;
    http->cors_credentials = values[GATEWAY_FLAG_CORS_CREDENTIALS].given;
    http->cors_max_age_s = values[GATEWAY_FLAG_CORS_MAX_AGE].number;
    if (http->cors_origin_count == 0 &&
        (http->cors_credentials || values[GATEWAY_FLAG_CORS_MAX_AGE].given)) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s needs --cors-origin",
                         http->cors_credentials ? "--cors-credentials" : "--cors-max-age-s");
    }
    const char *flag =
        http->cors_credentials ? "--cors-origin, --cors-credentials" : "--cors-origin";
    return of_flag(a, flag, cors_check(a, http));
}

static const struct error *read_reserved(struct arena *a, const struct option_value *reserved,
                                         struct gateway_limits *limits) {
    if (!reserved->given) {
        return NULL;
    }
    int limit = limits->calls_in_flight != 0 ? limits->calls_in_flight
                                             : (int)GATEWAY_DEFAULT_CALLS_IN_FLIGHT;
    if (reserved->number >= limit) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "--reserved-in-flight: \"%s\" leaves reads nothing of --max-in-flight, "
                         "which is %d",
                         reserved->text, limit);
    }
    limits->reserved_calls = reserved->number > 0 ? (int)reserved->number : -1;
    return NULL;
}

static const struct error *check_buffered(struct arena *a, const struct option_value *buffered,
                                          const struct gateway_limits *limits) {
    size_t body = limits->body_bytes != 0 ? limits->body_bytes : (size_t)GATEWAY_DEFAULT_BODY_BYTES;
    if (!buffered->given || limits->buffered_bytes / GATEWAY_BODIES_IN_BUFFER >= body) {
        return NULL;
    }
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                     "--max-buffered-bytes: \"%s\" is less than %d times --max-body-bytes, "
                     "which is %zu",
                     buffered->text, GATEWAY_BODIES_IN_BUFFER, body);
}

const struct error *gateway_flags_read(struct arena *a, const struct option_value *values,
                                       struct gateway_options *options) {
    const struct option_value *gzip = &values[GATEWAY_FLAG_GZIP];
    options->http = (struct gateway_http_options){
        .envelope = (enum envelope_kind)values[GATEWAY_FLAG_ENVELOPE].number,
        .gzip_min_bytes = gzip->is_word ? SIZE_MAX : (size_t)gzip->number,
        .stream_heartbeat_ms = values[GATEWAY_FLAG_HEARTBEAT].number,
    };
    options->limits = (struct gateway_limits){
        .header_bytes = (size_t)values[GATEWAY_FLAG_MAX_HEADER].number,
        .body_bytes = (size_t)values[GATEWAY_FLAG_MAX_BODY].number,
        .url_bytes = (size_t)values[GATEWAY_FLAG_MAX_URL].number,
        .buffered_bytes = (size_t)values[GATEWAY_FLAG_MAX_BUFFERED].number,
        .connections = (int)values[GATEWAY_FLAG_MAX_CONNECTIONS].number,
        .calls_in_flight = (int)values[GATEWAY_FLAG_MAX_IN_FLIGHT].number,
        .streams = (int)values[GATEWAY_FLAG_MAX_STREAMS].number,
        .idle_timeout_ms = values[GATEWAY_FLAG_IDLE_TIMEOUT].number,
        .request_timeout_ms = values[GATEWAY_FLAG_REQUEST_TIMEOUT].number,
        .upstream_timeout_ms = values[GATEWAY_FLAG_UPSTREAM_TIMEOUT].number,
    };
    if (values[GATEWAY_FLAG_WEB].given) {
        options->web = values[GATEWAY_FLAG_WEB].number == 1;
    }
    options->ignore_unknown = values[GATEWAY_FLAG_IGNORE_UNKNOWN].given;
    const struct error *error =
        read_reserved(a, &values[GATEWAY_FLAG_RESERVED_IN_FLIGHT], &options->limits);
    if (error == NULL) {
        error = check_buffered(a, &values[GATEWAY_FLAG_MAX_BUFFERED], &options->limits);
    }
    if (error == NULL) {
        error = read_cors(a, values, &options->http);
    }
    if (error == NULL) {
        error = read_mappings(a, &values[GATEWAY_FLAG_REQUEST_HEADER], "--request-header",
                              HEADER_MAP_REQUEST, &options->http.request_headers,
                              &options->http.request_header_count);
    }
    if (error == NULL) {
        error = read_mappings(a, &values[GATEWAY_FLAG_RESPONSE_HEADER], "--response-header",
                              HEADER_MAP_RESPONSE, &options->http.response_headers,
                              &options->http.response_header_count);
    }
    return error;
}

struct descriptor_share gateway_flags_connections(const struct option_value *values) {
    const struct option_value *connections = &values[GATEWAY_FLAG_MAX_CONNECTIONS];
    return (struct descriptor_share){
        .option = "--max-connections",
        .is_given = connections->given,
        .connections = connections->given ? connections->number : GATEWAY_DEFAULT_CONNECTIONS,
    };
}
