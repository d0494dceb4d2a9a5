#ifndef RUNSD_GATEWAY_TRANSCODE_TEMPLATE_H
#define RUNSD_GATEWAY_TRANSCODE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/slice.h"

// Path templates of google.api.HttpRule ("Path template syntax" in
// google/api/http.proto):
//
//   Template = "/" [ Segments [ Verb ] ] ;
//   Segments = Segment { "/" Segment } ;
//   Segment  = "*" | "**" | LITERAL | Variable ;
//   Variable = "{" FieldPath [ "=" Segments ] "}" ;
//   FieldPath = IDENT { "." IDENT } ;
//   Verb     = ":" LITERAL ;
//
// "**" must be the last segment. A literal is of RFC 3986's pchar without ":",
// "*" and, raw, nothing beyond ASCII. "/" alone is the root.
// Pure.

enum template_segment_kind {
    TEMPLATE_LITERAL,
    TEMPLATE_ANY,  // "*"
    TEMPLATE_REST, // "**"
};

struct template_segment {
    enum template_segment_kind kind;
    struct slice literal; // percent-decoded
    size_t column;
};

struct template_variable {
    struct slice field_path;
    size_t column;        // of its "{", from 1
    size_t first_segment; // it spans segment_count segments from here
    size_t segment_count;
    bool multi; // spans more than one segment, or "**": keeps %2F encoded
};

struct path_template {
    struct slice text;
    struct template_segment *segments;
    size_t segment_count;
    struct template_variable *variables;
    size_t variable_count;
    struct slice verb; // percent-decoded, without ":"; empty if none
};

struct template_fault {
    size_t column; // in bytes, from 1
    const char *message;
};

// Parses text; the result lives in a and borrows text. Returns false with the
// fault if it is no template.
bool template_parse(struct arena *a, struct slice text, struct path_template *ret_template,
                    struct template_fault *ret_fault);

#endif
