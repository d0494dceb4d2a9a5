#ifndef RUNSD_GATEWAY_JSON_FIELD_MASK_TEXT_H
#define RUNSD_GATEWAY_JSON_FIELD_MASK_TEXT_H

#include <stdbool.h>

#include "base/core/slice.h"
#include "base/core/strbuf.h"

// The text of google.protobuf.FieldMask in JSON (field_mask.proto), with what AIP-161 allows
// as a step of a path beside a field's name: "*", the integer key of a map, and any key of a
// map in backticks, "`Two Words`", where a doubled backtick is one. Only names are spelled
// otherwise in JSON (fooBar for foo_bar); a key in backticks is as it is. Pure.

enum field_mask_spelling {
    FIELD_MASK_JSON,   // fooBar
    FIELD_MASK_EITHER, // also foo_bar; a name with both "_" and capitals is neither
};

// Takes the next path of a mask's text: what stands before the first comma outside of
// backticks, or all that is left. Returns whether there was one; "a," has two.
bool field_mask_next(struct slice *text, struct slice *ret_path);

// Appends one path as JSON spells it. Returns false for a path that would not read back as
// itself ("fooBar", "foo__bar"); out is then undefined behind its former length.
bool field_mask_path_to_json(struct slice path, struct strbuf *out);

// Appends one path as the wire spells it. Returns false for what is none, as the other.
bool field_mask_path_from_json(struct slice text, enum field_mask_spelling spelling,
                               struct strbuf *out);

#endif
