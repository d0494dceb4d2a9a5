#ifndef RUNSD_GATEWAY_JSON_JSON_WRITE_H
#define RUNSD_GATEWAY_JSON_JSON_WRITE_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"
#include "gateway/descriptor/schema.h"
#include "gateway/json/json_depth.h"

// Messages in the wire format written as JSON, without a tree in between: each
// message is scanned once to find its fields, then printed in order of
// declaration. Canonical proto3 JSON with the spelling options of
// runsd/gateway/v1/options.proto and jstype. Pure.
//
// Of several values of a singular scalar the last is used, those of a singular
// message are merged, as parsers of the wire format must; of several map entries
// with one key the last is used. Unknown fields are left out, as are numbers that a closed
// enum does not have, and map entries with such a value. What is no UTF-8 in a string with
// utf8_validation = NONE is printed as U+FFFD. Differences from
// upb's writer: fields are in order of declaration and map entries in that of the wire; a
// google.protobuf.Value without a kind is null; extensions are left out.

// Appends the JSON value of message bytes to out. Returns false if the bytes
// are malformed, a string that must be is no UTF-8, or a value has no JSON form (a Timestamp
// out of range, an Any of unknown type); then out is as before and *ret_fault, a C string in
// a, says why and in which field: "field runs.v1.Run.started_at: a google.protobuf.Timestamp is
// out of range". Temporary memory comes from a.
bool json_write_message(const struct schema *schema, struct arena *a,
                        const struct schema_message *type, struct slice message, struct strbuf *out,
                        const char **ret_fault);

// Appends the JSON value of one field of message bytes; its default (that of the proto, if
// it has one), or null for an unset message, if it is not there. Fails like json_write_message.
bool json_write_field_of(const struct schema *schema, struct arena *a,
                         const struct schema_message *type, const struct schema_field *field,
                         struct slice message, struct strbuf *out, const char **ret_fault);

#endif
