#ifndef RUNSD_GATEWAY_TRANSCODE_BIND_H
#define RUNSD_GATEWAY_TRANSCODE_BIND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"
#include "gateway/descriptor/schema.h"

// Binds path variables and query keys to the fields of a request message. Pure.

enum { BIND_DEPTH = 32 };

// A field and the messages it is nested in, outermost first.
struct bound_field {
    const struct schema_field **chain;
    size_t depth;
    struct slice map_key; // if the field is a map: its entry's key as wire bytes
};

// Follows "a.b.c" (JSON or proto names) from m to a field that text can set. Of a
// map whose values text can set, an entry: "a.b[key]", where the key is all that
// stands up to the last byte, a "]" (source: grpc-gateway's query parameters).
// Returns NULL, or why there is none, in a; ret then is undefined.
const char *bind_resolve(struct arena *a, const struct schema_message *m, struct slice path,
                         struct bound_field *ret);

// Appends the field's wire bytes, also if text is its default, so that it replaces an
// earlier value. Returns NULL, or why text is no value of the field, a C string in a.
const char *bind_put(struct arena *a, const struct bound_field *field, struct slice text,
                     struct strbuf *out);

// What a query may not set.
struct bind_taken {
    const struct bound_field *path; // fields that path variables set
    size_t path_count;
    const struct schema_field *body; // the field that the body is; NULL if none
    bool whole_body;                 // the body is the whole message: no key is left
};

// Appends what a raw query sets. INVALID_ARGUMENT / QUERY_INVALID, in a, with
// one violation that names the key: unknown, taken, of a type that no text can
// set, given twice though it is not repeated, excluded by another key of its
// oneof, malformed. Empty pairs ("a=1&&b=2") are passed over; a key without "="
// has the empty value.
const struct error *bind_query(struct arena *a, const struct schema_message *m, struct slice query,
                               const struct bind_taken *taken, struct strbuf *out);

#endif
