#ifndef RUNSD_GATEWAY_EDGE_HEADER_H
#define RUNSD_GATEWAY_EDGE_HEADER_H

#include <stdbool.h>
#include <stddef.h>

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

// Whether s is text, in any case of its ASCII letters.
bool header_equal(struct slice s, const char *text);

// s without spaces and tabs at its ends.
struct slice header_trim(struct slice s);

// The first header of a name; NULL if there is none.
const struct http_header *header_find(struct http_headers headers, const char *name);

// Takes what stands before the first separator off *rest, and the separator; trimmed.
struct slice header_take_until(struct slice *rest, char separator);

// Whether a comma-separated list ("GET, POST") has an element, byte by byte.
bool header_list_has(struct slice list, struct slice element);

// Reads a weight (RFC 9110 section 12.4.2: 0 to 1 with up to three decimals), in
// thousandths. Returns false if it is none.
enum { HEADER_QUALITY_MOST = 1000 };
bool header_quality(struct slice s, int *ret_thousandths);

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
