#ifndef RUNSD_GATEWAY_TRANSCODE_BIND_H
#define RUNSD_GATEWAY_TRANSCODE_BIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"
#include "gateway/descriptor/schema.h"
#include "gateway/json/json_read.h"
#include "gateway/json/scalar.h"

// Binds text, a path variable or a value of a query, to a field of a request message. Pure.

enum { BIND_DEPTH = 32, BIND_NO_INDEX = -1 };

// A field and the messages it is nested in, outermost first.
struct bound_field {
    const struct schema_field **chain;
    size_t depth;
    struct slice map_key; // if the field is a map: its entry's key as wire bytes
    int32_t index;        // of an element, "a[3]"; BIND_NO_INDEX if none is given
};

// How two fields stand to each other: the same, in one oneof, or apart.
enum bind_relation { BIND_APART, BIND_SAME, BIND_ONEOF };

enum bind_relation bind_relate(const struct bound_field *x, const struct bound_field *y);

// Follows the path variable "a.b.c" of proto names (source: google/api/http.proto) from m to
// a field that one segment of text can set. Returns NULL, or why there is none, in a; ret
// then is undefined.
const char *bind_resolve(struct arena *a, const struct schema_message *m, struct slice path,
                         struct bound_field *ret);

// Returns the field of that proto name, which rules use, or NULL.
const struct schema_field *bind_find_named(const struct schema_message *m, struct slice name);

// Why a rule cannot name the field name of m, which has none of that proto name; in a.
const char *bind_no_field(struct arena *a, const struct schema_message *m, struct slice name);

// Whether names may follow the field's: a message that is neither repeated nor well known.
static inline bool bind_has_fields(const struct schema_field *f) {
    return f->message != NULL && !f->repeated && f->message->known == KNOWN_NONE;
}

// Why none may follow the field's name, in a.
const char *bind_has_no_fields(struct arena *a, struct slice name);

// Whether a query's value can be an element of f: text of its type, or JSON of a free-form one.
static inline bool bind_has_text(const struct schema_field *f) {
    return scalar_has_text(f) || json_is_free_form(f);
}

// Appends the field's wire bytes, also if text is its default, so that it replaces an
// earlier value. json says how free-form JSON is read. Returns NULL, or why text is no value of
// the field, a C string in a.
const char *bind_put(struct arena *a, const struct bound_field *field, struct slice text,
                     const struct json_read_options *json, struct strbuf *out);

#endif
