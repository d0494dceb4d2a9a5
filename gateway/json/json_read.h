#ifndef RUNSD_GATEWAY_JSON_JSON_READ_H
#define RUNSD_GATEWAY_JSON_JSON_READ_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"
#include "gateway/descriptor/schema.h"
#include "gateway/json/json_depth.h"

// JSON read into the wire format in one pass: proto3 JSON over a strict
// RFC 8259 reader. Pure.
//
// Stricter than the mapping, it refuses: duplicate keys (also a field by
// both of its names), trailing bytes, unknown fields, invalid UTF-8, lone
// surrogates, two members of a oneof, and, unless they are to be rounded, numbers within
// a google.protobuf.Value that a double does not keep.

struct json_read_options {
    bool ignore_unknown; // skip unknown fields, and enum values of unknown names
    // Round numbers within a google.protobuf.Value to what a double keeps; else they are
    // refused. One beyond a double's range always is.
    bool round_numbers;
};

// Appends the wire bytes of the JSON of a whole message to out. Errors, in a:
// INVALID_ARGUMENT / BODY_INVALID with one field violation, whose field is the
// JSON path ("nodes.root.children[1]"; "body" for the whole), or "line 3,
// column 14" where the text is no JSON; out is then as before.
const struct error *json_read_message(const struct schema *schema, struct arena *a,
                                      const struct schema_message *type, struct slice json,
                                      const struct json_read_options *options, struct strbuf *out);

// As json_read_message, but the JSON is the value of one field, which is
// appended with its tag.
const struct error *json_read_field(const struct schema *schema, struct arena *a,
                                    const struct schema_field *field, struct slice json,
                                    const struct json_read_options *options, struct strbuf *out);

// Whether text gives an element of f as JSON: google.protobuf.Struct, Value and ListValue, as
// grpc-gateway has it for the first two in a query.
static inline bool json_is_free_form(const struct schema_field *f) {
    if (f->type != SCHEMA_MESSAGE || f->map) {
        return false;
    }
    enum schema_known known = f->message->known;
    return known == KNOWN_STRUCT || known == KNOWN_VALUE || known == KNOWN_LIST_VALUE;
}

// Appends the value of one element of f, which is free-form, without its tag. Returns NULL, or
// why text is none, a C string in a: with the JSON path where there is one.
const char *json_read_free_form(struct arena *a, const struct schema_field *f, struct slice text,
                                const struct json_read_options *options, struct strbuf *out);

#endif
