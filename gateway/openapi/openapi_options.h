#ifndef RUNSD_GATEWAY_OPENAPI_OPENAPI_OPTIONS_H
#define RUNSD_GATEWAY_OPENAPI_OPENAPI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/options.h"

// What of a gateway's options its OpenAPI document depends on. Pure.
struct openapi_options {
    enum envelope_kind envelope;
    enum stream_json stream_json;
    bool ignore_unknown;                          // fields of JSON bodies; else they are refused
    size_t body_bytes;                            // the largest body that is taken
    size_t url_bytes;                             // the longest path and query
    const struct header_mapping *request_headers; // from HTTP headers, beside our own
    size_t request_header_count;
    const struct header_mapping *response_headers; // to HTTP headers
    size_t response_header_count;
};

#endif
