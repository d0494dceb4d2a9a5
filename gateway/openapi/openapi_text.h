#ifndef RUNSD_GATEWAY_OPENAPI_OPENAPI_TEXT_H
#define RUNSD_GATEWAY_OPENAPI_OPENAPI_TEXT_H

#include "base/core/arena.h"
#include "base/core/slice.h"

// Comments of protos as text of an API reference (CommonMark). Pure.

// What a comment says about one gRPC code: "NOT_FOUND: there is no such run."
struct openapi_outcome {
    struct openapi_outcome *next;
    int code; // of gRPC
    struct slice text;
};

struct openapi_text {
    struct slice summary;             // the first sentence, without its full stop
    struct slice description;         // all of it, but the outcomes
    struct openapi_outcome *outcomes; // in order
};

// Parses a comment; the result lives in a. Lines of one paragraph become one line, as
// CommonMark would show them. A line that begins with a code of gRPC and a colon
// ("NOT_FOUND: ...") is an outcome, up to the next one or the end of its paragraph.
struct openapi_text openapi_text_of(struct arena *a, struct slice comment);

#endif
