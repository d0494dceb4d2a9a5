#ifndef RUNSD_GATEWAY_JSON_SCALAR_H
#define RUNSD_GATEWAY_JSON_SCALAR_H

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"
#include "gateway/descriptor/schema.h"

// Values given as text (path variables, query values, JSON numbers and strings)
// to the wire format. Each appends the value of one element without its tag and
// returns NULL, or returns why the text is no such value, a C string in a (out is then
// undefined behind its former length):
// `"x" is no integer from -2147483648 to 2147483647`. Pure.

// Integers, floats and doubles: a JSON number; "NaN", "Infinity", "-Infinity"
// where words is true.
const char *scalar_put_number(struct arena *a, const struct schema_field *f, struct slice text,
                              bool words, struct strbuf *out);

// A word or name of the enum.
const char *scalar_put_enum_name(struct arena *a, const struct schema_field *f, struct slice text,
                                 struct strbuf *out);

// Any 32-bit number, also one that the enum does not name if it is open; a closed one's
// upstream would not see the field.
const char *scalar_put_enum_number(struct arena *a, const struct schema_field *f, struct slice text,
                                   struct strbuf *out);

// UTF-8 and base 64, each behind its length.
const char *scalar_put_string(struct arena *a, struct slice text, struct strbuf *out);
const char *scalar_put_bytes(struct arena *a, struct slice text, struct strbuf *out);

// Timestamp, Duration, FieldMask: the message's bytes without its length. Seconds and
// nanos are always written, so that the value replaces an earlier one when merged.
const char *scalar_put_known(struct arena *a, enum schema_known known, struct slice text,
                             struct strbuf *out);

// A value of f's type from the text of a path or a query: for enums a word, a
// name or a number; for bool "true" or "false"; for messages those above and
// wrappers, behind their length, or before the end tag if f is a group. f is no map or
// other message.
const char *scalar_put_text(struct arena *a, const struct schema_field *f, struct slice text,
                            struct strbuf *out);

// Whether scalar_put_text takes f's type.
bool scalar_has_text(const struct schema_field *f);

// Appends one element of f, a message, with its tag: length-prefixed or as a group.
void scalar_put_message(const struct schema_field *f, struct slice message, struct strbuf *out);

// Appends the tag of an element of f.
void scalar_put_tag(const struct schema_field *f, struct strbuf *out);

// Returns UTF-8 as a C string for a message, with \u0000 where it has U+0000.
const char *scalar_shown(struct arena *a, struct slice text);

// Returns given text in quotes for a message, cut if it is long.
const char *scalar_quote(struct arena *a, struct slice text);

#endif
