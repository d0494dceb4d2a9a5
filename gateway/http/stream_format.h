#ifndef RUNSD_GATEWAY_HTTP_STREAM_FORMAT_H
#define RUNSD_GATEWAY_HTTP_STREAM_FORMAT_H

#include "base/core/strbuf.h"
#include "gateway/edge/header.h"

// How a stream of JSON objects is written to a body. Pure.

enum stream_format {
    STREAM_NDJSON, // an object a line (https://github.com/ndjson/ndjson-spec)
    STREAM_ARRAY,  // one JSON array of the objects
    STREAM_SSE,    // server-sent events (https://html.spec.whatwg.org/#server-sent-events)
    STREAM_RAW,    // google.api.HttpBody: bytes as they are
};

// After so long a browser asks again for an event stream that has ended.
enum { STREAM_RETRY_MS = 1000 };

// By Accept: events if it names text/event-stream and prefers no JSON to it. Else lines or, if
// is_array, an array unless Accept names NDJSON and does not prefer application/json to it.
enum stream_format stream_format_choose(struct http_headers headers, bool is_array);

// The Content-Type; not for STREAM_RAW.
const char *stream_format_content_type(enum stream_format format);

// Append what stands before the first object, and behind the last; nothing to STREAM_RAW.
void stream_format_open(enum stream_format format, struct strbuf *out);
void stream_format_close(enum stream_format format, struct strbuf *out);

// What is said of an object beside its text.
struct stream_object {
    bool is_first; // of the body
    bool is_error; // that ends a stream which failed
    // Of the event, by which a client resumes; empty: none. An id with a byte that would end
    // the line, or that browsers ignore, is left out.
    struct slice id;
};

// Append what stands before and behind an object, which must hold no line feed.
void stream_format_begin(enum stream_format format, const struct stream_object *object,
                         struct strbuf *out);
void stream_format_end(enum stream_format format, struct strbuf *out);

// Appends what a client passes over; nothing to STREAM_RAW, which has no such thing.
void stream_format_heartbeat(enum stream_format format, struct strbuf *out);

#endif
