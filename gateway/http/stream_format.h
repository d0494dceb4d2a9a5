#ifndef RUNSD_GATEWAY_HTTP_STREAM_FORMAT_H
#define RUNSD_GATEWAY_HTTP_STREAM_FORMAT_H

#include "base/core/strbuf.h"
#include "gateway/edge/header.h"

// How a stream of JSON objects is written to a body. Pure.

enum stream_format {
    STREAM_NDJSON, // an object a line (https://github.com/ndjson/ndjson-spec)
    STREAM_SSE,    // server-sent events (https://html.spec.whatwg.org/#server-sent-events)
    STREAM_RAW,    // google.api.HttpBody: bytes as they are
};

// By Accept: events if it names text/event-stream and prefers no JSON to it.
enum stream_format stream_format_choose(struct http_headers headers);

// The Content-Type; not for STREAM_RAW.
const char *stream_format_content_type(enum stream_format format);

// Append what stands before and behind an object, which must hold no line feed. is_error
// is of the object that ends a stream which failed.
void stream_format_begin(enum stream_format format, bool is_error, struct strbuf *out);
void stream_format_end(enum stream_format format, struct strbuf *out);

// Appends what a client passes over; nothing to STREAM_RAW, which has no such thing.
void stream_format_heartbeat(enum stream_format format, struct strbuf *out);

#endif
