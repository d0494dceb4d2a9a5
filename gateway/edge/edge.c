#include "gateway/edge/edge.h"

static struct header_map request_map(const struct gateway_http_options *options) {
    return (struct header_map){options->request_headers, options->request_header_count};
}

static struct header_map response_map(const struct gateway_http_options *options) {
    return (struct header_map){options->response_headers, options->response_header_count};
}

const struct error *edge_check(struct arena *a, const struct gateway_http_options *options) {
    const struct error *error = cors_check(a, options);
    if (error == NULL) {
        error = header_map_check(a, request_map(options), HEADER_MAP_REQUEST);
    }
    return error != NULL ? error : header_map_check(a, response_map(options), HEADER_MAP_RESPONSE);
}

void edge_init(struct edge *edge, const struct logger *log,
               const struct gateway_http_options *options) {
    edge->log = log;
    edge->options = *options;
    edge->request_headers = request_map(options);
    edge->response_headers = response_map(options);
    edge->details_schema = error_details_schema_new();
    arena_init(&edge->arena);
    edge->cors = cors_of(&edge->arena, &edge->options);
}

void edge_set(struct edge *edge, const struct gateway_http_options *options) {
    edge->options.cors_origins = options->cors_origins;
    edge->options.cors_origin_count = options->cors_origin_count;
    edge->options.cors_credentials = options->cors_credentials;
    edge->options.cors_max_age_s = options->cors_max_age_s;
    edge->options.trusted = options->trusted;
    edge->options.gzip_min_bytes = options->gzip_min_bytes;
    edge->cors = cors_of(&edge->arena, &edge->options);
}

void edge_release(struct edge *edge) {
    schema_free(edge->details_schema);
    arena_release(&edge->arena);
}
