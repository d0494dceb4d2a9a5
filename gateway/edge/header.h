#ifndef RUNSD_GATEWAY_EDGE_HEADER_H
#define RUNSD_GATEWAY_EDGE_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/core/header_text.h"
#include "base/core/slice.h"

// What every reader of headers needs. Pure.

struct http_header {
    struct slice name;
    struct slice value;
};

// All headers of one message, as received, duplicates kept. Borrows.
struct http_headers {
    const struct http_header *items;
    size_t count;
};

// The first header of a name; NULL if there is none.
const struct http_header *header_find(struct http_headers headers, const char *name);

// Whether a comma-separated list ("GET, POST") has an element, byte by byte.
bool header_list_has(struct slice list, struct slice element);

// The elements of the comma-separated list (RFC 9110 section 5.6.1) that all headers
// of a name are together. Empty elements are skipped. For lists without quoted text.
struct header_list {
    struct http_headers headers;
    const char *name;
    size_t next; // index of the next header
    struct slice rest;
};

static inline struct header_list header_list_of(struct http_headers headers, const char *name) {
    return (struct header_list){headers, name, 0, SLICE_EMPTY};
}

// The next element, trimmed; returns false at the end.
bool header_list_next(struct header_list *list, struct slice *ret_element);

#endif
