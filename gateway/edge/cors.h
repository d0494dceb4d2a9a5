#ifndef RUNSD_GATEWAY_EDGE_CORS_H
#define RUNSD_GATEWAY_EDGE_CORS_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "gateway/edge/header.h"
#include "gateway/options.h"

// Cross-origin resource sharing: which pages of other origins a browser lets read
// replies (https://fetch.spec.whatwg.org/#http-cors-protocol). Pure.

// Refuses, with INVALID_ARGUMENT in a, an origin that is neither "*" nor
// scheme://host[:port] in lower case as browsers send it, and "*" together with
// credentials or with other origins.
const struct error *cors_check(struct arena *a, const struct gateway_http_options *options);

// What the options come to: immutable, made once.
struct cors {
    const struct gateway_http_options *options; // borrowed
    bool is_on;
    bool varies;                // replies differ by Origin
    const char *expose_headers; // Access-Control-Expose-Headers
    const char *max_age;        // Access-Control-Max-Age
};

// Lives in a. options must have passed cors_check.
struct cors cors_of(struct arena *a, const struct gateway_http_options *options);

// The origin as --cors-origin names it; NULL if it does not, or names all by "*".
const char *cors_named_origin(const struct cors *cors, struct slice origin);

// The value of Access-Control-Allow-Origin for these request headers; NULL if there
// shall be no CORS headers: it is off, there is no Origin, or one that is not allowed.
const char *cors_allow_origin(const struct cors *cors, struct http_headers headers);

// The method that a preflight asks for: the value of Access-Control-Request-Method of
// an OPTIONS request with an Origin; empty if this is none.
struct slice cors_preflight_method(struct slice method, struct http_headers headers);

// The value of Access-Control-Allow-Headers for a preflight: those it asks for that
// the gateway knows or maps; in a. NULL if there are none.
const char *cors_allow_headers(struct arena *a, const struct cors *cors,
                               struct http_headers headers);

#endif
