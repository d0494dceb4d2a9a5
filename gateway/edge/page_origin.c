#include "gateway/edge/page_origin.h"

#include <string.h>

// Whether the page came from here. Only TLS has certificates, so the scheme is https; a browser
// leaves its port out of both.
static bool is_own(struct http_headers headers, struct slice origin) {
    static const char scheme[] = "https://";
    const size_t length = sizeof(scheme) - 1;
    const struct http_header *host = header_find(headers, "host");
    return host != NULL && host->value.len > 0 && origin.len == length + host->value.len &&
           memcmp(origin.data, scheme, length) == 0 &&
           memcmp(origin.data + length, host->value.data, host->value.len) == 0;
}

static const struct error *refuse(struct arena *a, const char *name, struct slice value) {
    struct slice shown = value.len > 200 ? slice_of(value.data, 200) : value;
    struct error *e = error_new(
        a, STATUS_PERMISSION_DENIED, REASON_ORIGIN_NOT_ALLOWED,
        "the request is a page's of another origin (%s: %.*s), and has no token but the browser's "
        "certificate: send the header \"Authorization: Bearer <token>\", or have the operator "
        "allow the origin by --cors-origin",
        name, SLICE_FMT(shown));
    e->domain = REASON_DOMAIN_GATEWAY;
    return e;
}

const struct error *page_origin_check(struct arena *a, const struct cors *cors,
                                      struct http_headers headers) {
    bool has_origin = false;
    for (size_t i = 0; i < headers.count; i++) {
        const struct http_header *h = &headers.items[i];
        if (header_equal(h->name, "origin")) {
            has_origin = true;
            if (!is_own(headers, h->value) && cors_named_origin(cors, h->value) == NULL) {
                return refuse(a, "Origin", h->value);
            }
        }
    }
    for (size_t i = 0; i < headers.count && !has_origin; i++) {
        const struct http_header *h = &headers.items[i];
        if (header_equal(h->name, "sec-fetch-site") && !slice_equal_cstr(h->value, "same-origin") &&
            !slice_equal_cstr(h->value, "none")) {
            return refuse(a, "Sec-Fetch-Site", h->value);
        }
    }
    return NULL;
}
