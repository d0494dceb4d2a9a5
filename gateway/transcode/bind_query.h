#ifndef RUNSD_GATEWAY_TRANSCODE_BIND_QUERY_H
#define RUNSD_GATEWAY_TRANSCODE_BIND_QUERY_H

#include "base/core/error.h"
#include "gateway/transcode/bind.h"

// Binds a query to the fields of a request message. Pure.

// What a query may not set.
struct bind_taken {
    const struct bound_field *path; // fields that path variables set
    size_t path_count;
    const struct schema_field *body; // the field that the body is; NULL if none
    bool whole_body;                 // the body is the whole message: no key is left
};

// Which keys are passed over where a name in them is that of no field; others are refused.
struct bind_ignored {
    bool all;
    const char *const *keys; // decoded; one that ends in "*" is the beginning of keys
    size_t key_count;
};

// Appends what a raw query sets. INVALID_ARGUMENT / QUERY_INVALID, in a, with
// one violation that names the key: unknown, taken, of a type that no text can
// set, given twice though it is not repeated, excluded by another key of its
// oneof, malformed; of a repeated field, with indexes that do not ascend, or that some
// elements have and others have not. Empty pairs ("a=1&&b=2") are passed over; a key
// without "=" has the empty value. A key that is passed over may have any value. The time is
// that of sorting the keys. json says how free-form JSON is read.
const struct error *bind_query(struct arena *a, const struct schema_message *m, struct slice query,
                               const struct bind_taken *taken, const struct bind_ignored *ignored,
                               const struct json_read_options *json, struct strbuf *out);

#endif
