#include "gateway/gateway.h"

#include <stdlib.h>

#include "base/core/memory.h"
#include "gateway/api.h"
#include "gateway/http/http_server.h"
#include "gateway/local/local_table.h"
#include "gateway/local/web_pages.h"
#include "gateway/transcode/transcoder.h"
#include "protos/descriptor_set.h"

struct gateway {
    struct gateway_api_options api_options;
    struct local_table *with_web; // NULL: without the reference page
    struct http_server *http;
};

static struct gateway_limits with_defaults(struct gateway_limits limits) {
    const struct gateway_limits defaults = {
        .header_bytes = GATEWAY_DEFAULT_HEADER_BYTES,
        .body_bytes = GATEWAY_DEFAULT_BODY_BYTES,
        .buffered_bytes = GATEWAY_DEFAULT_BUFFERED_BYTES,
        .url_bytes = GATEWAY_DEFAULT_URL_BYTES,
        .connections = GATEWAY_DEFAULT_CONNECTIONS,
        .calls_in_flight = GATEWAY_DEFAULT_CALLS_IN_FLIGHT,
        .streams = GATEWAY_DEFAULT_STREAMS,
        .idle_timeout_ms = GATEWAY_DEFAULT_IDLE_TIMEOUT_MS,
        .request_timeout_ms = GATEWAY_DEFAULT_REQUEST_TIMEOUT_MS,
        .upstream_timeout_ms = GATEWAY_DEFAULT_UPSTREAM_TIMEOUT_MS,
    };
#define DEFAULT_OF(member) (limits.member != 0 ? limits.member : defaults.member)
    struct gateway_limits all = {
        .header_bytes = DEFAULT_OF(header_bytes),
        .body_bytes = DEFAULT_OF(body_bytes),
        .buffered_bytes = DEFAULT_OF(buffered_bytes),
        .url_bytes = DEFAULT_OF(url_bytes),
        .connections = DEFAULT_OF(connections),
        .calls_in_flight = DEFAULT_OF(calls_in_flight),
        .reserved_calls = limits.reserved_calls < 0 ? 0 : limits.reserved_calls,
        .streams = DEFAULT_OF(streams),
        .idle_timeout_ms = DEFAULT_OF(idle_timeout_ms),
        .request_timeout_ms = DEFAULT_OF(request_timeout_ms),
        .upstream_timeout_ms = DEFAULT_OF(upstream_timeout_ms),
    };
#undef DEFAULT_OF
    all.anonymous_streams = limits.anonymous_streams != 0 ? limits.anonymous_streams : all.streams;
    if (limits.reserved_calls == 0) {
        all.reserved_calls = gateway_default_reserved_calls(all.calls_in_flight);
    }
    if (limits.buffered_bytes == 0 &&
        all.buffered_bytes / GATEWAY_BODIES_IN_BUFFER < all.body_bytes) {
        all.buffered_bytes = GATEWAY_BODIES_IN_BUFFER * all.body_bytes;
    }
    return all;
}

static struct gateway_http_options http_with_defaults(struct gateway_http_options http) {
    http.cors_max_age_s =
        http.cors_max_age_s != 0 ? http.cors_max_age_s : GATEWAY_DEFAULT_CORS_MAX_AGE_S;
    http.gzip_min_bytes =
        http.gzip_min_bytes != 0 ? http.gzip_min_bytes : (size_t)GATEWAY_DEFAULT_GZIP_MIN_BYTES;
    http.stream_heartbeat_ms = http.stream_heartbeat_ms != 0 ? http.stream_heartbeat_ms
                                                             : GATEWAY_DEFAULT_STREAM_HEARTBEAT_MS;
    http.stream_headers_after_ms = http.stream_headers_after_ms != 0
                                       ? http.stream_headers_after_ms
                                       : GATEWAY_DEFAULT_STREAM_HEADERS_MS;
    return http;
}

static struct gateway_api_options api_options_of(const struct gateway_options *options) {
    struct gateway_limits limits = with_defaults(options->limits);
    const struct gateway_http_options *http = &options->http;
    size_t gzip_min_bytes = http_with_defaults(*http).gzip_min_bytes;
    return (struct gateway_api_options){
        .upstream = options->upstream,
        .ignore_unknown = options->ignore_unknown,
        .unbound_methods = options->unbound_methods,
        .ignore_unknown_query = options->ignore_unknown_query,
        .ignored_query = options->ignored_query,
        .ignored_query_count = options->ignored_query_count,
        .json = options->json,
        .gzip_min_bytes = gzip_min_bytes,
        .openapi =
            {
                .envelope = http->envelope,
                .stream_json = http->stream_json,
                .ignore_unknown = options->ignore_unknown,
                .body_bytes = limits.body_bytes,
                .url_bytes = limits.url_bytes,
                .request_headers = http->request_headers,
                .request_header_count = http->request_header_count,
                .response_headers = http->response_headers,
                .response_header_count = http->response_header_count,
            },
    };
}

// The descriptor sets that are given, or the product's own if there are none.
struct sets {
    const struct slice *items;
    size_t count;
    struct slice built_in;
};

static void choose_sets(const struct slice *items, size_t count, struct sets *ret) {
    ret->built_in = runs_descriptor_set();
    ret->items = count > 0 ? items : &ret->built_in;
    ret->count = count > 0 ? count : 1;
}

const struct error *gateway_print_openapi(struct arena *a, const struct gateway_options *options,
                                          struct strbuf *out) {
    const struct gateway_api_options api_options = api_options_of(options);
    struct sets sets;
    choose_sets(options->descriptor_sets, options->descriptor_set_count, &sets);
    return gateway_api_print(a, &api_options, sets.items, sets.count, out);
}

static void release(struct gateway *gateway) {
    web_pages_free(gateway->with_web);
    free(gateway);
}

const struct error *gateway_start(struct arena *a, const struct gateway_options *options,
                                  struct gateway **ret_gateway) {
    const struct gateway_api_options api_options = api_options_of(options);
    struct sets sets;
    choose_sets(options->descriptor_sets, options->descriptor_set_count, &sets);
    struct gateway_api *api;
    const struct error *error = gateway_api_new(a, &api_options, sets.items, sets.count, &api);
    if (error != NULL) {
        return error;
    }
    struct gateway *gateway = mem_zalloc(sizeof(*gateway));
    gateway->api_options = api_options;
    const struct local_table *local =
        options->local != NULL ? options->local : &local_table_default;
    gateway->with_web = options->web ? web_pages_added(local) : NULL;
    const struct http_server_options http = {
        .log = options->log,
        .listen = options->listen,
        .limits = with_defaults(options->limits),
        .http = http_with_defaults(options->http),
        .api = api,
        .loop = options->loop,
        .upstream_window = options->upstream_window,
        .authorizer = options->authorizer,
        .local = gateway->with_web != NULL ? gateway->with_web : local,
        .readiness = options->readiness,
        .upstream = options->upstream,
        .tls = options->tls,
        .client_auth = options->client_auth,
        .tracer = options->tracer,
        .upstream_has_tracer = options->upstream_has_tracer,
        .guard = options->guard,
        .metrics = options->metrics,
    };
    size_t routes = transcoder_route_count(api->transcoder);
    error = http_server_start(a, &http, &gateway->http);
    gateway_api_unref(api);
    if (error != NULL) {
        release(gateway);
        return error;
    }
    LOG(options->log, LOG_INFO, "ready", log_text("listen", options->listen.text),
        log_int("port", gateway_port(gateway)), log_int("routes", (int64_t)routes));
    *ret_gateway = gateway;
    return NULL;
}

// What may change of those of a gateway that serves.
static void take_options(struct gateway_api_options *api, const struct gateway_options *options) {
    api->ignore_unknown = options->ignore_unknown;
    api->unbound_methods = options->unbound_methods;
    api->ignore_unknown_query = options->ignore_unknown_query;
    api->ignored_query = options->ignored_query;
    api->ignored_query_count = options->ignored_query_count;
    api->json = options->json;
    api->openapi.ignore_unknown = options->ignore_unknown;
}

const struct error *gateway_reload(struct gateway *gateway, struct arena *a,
                                   const struct gateway_options *options,
                                   const struct slice *descriptor_sets, size_t count,
                                   size_t *ret_routes) {
    struct sets sets;
    choose_sets(descriptor_sets, count, &sets);
    struct gateway_api_options api_options = gateway->api_options;
    if (options != NULL) {
        take_options(&api_options, options);
    }
    struct gateway_api *api;
    const struct error *error = gateway_api_new(a, &api_options, sets.items, sets.count, &api);
    if (error != NULL) {
        return error;
    }
    gateway->api_options = api_options;
    *ret_routes = transcoder_route_count(api->transcoder);
    http_server_set_api(gateway->http, api);
    if (options != NULL) {
        const struct gateway_limits limits = with_defaults(options->limits);
        const struct gateway_http_options http = http_with_defaults(options->http);
        http_server_set_options(gateway->http, &limits, &http);
    }
    return NULL;
}

int gateway_port(const struct gateway *gateway) {
    return http_server_port(gateway->http);
}

struct rpc_loop *gateway_loop(const struct gateway *gateway) {
    return http_server_loop(gateway->http);
}

void gateway_stop(struct gateway *gateway, int64_t drain_ms) {
    if (gateway == NULL) {
        return;
    }
    http_server_stop(gateway->http, drain_ms);
    release(gateway);
}
