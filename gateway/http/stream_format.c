#include "gateway/http/stream_format.h"

static bool is_json_type(struct slice type) {
    return header_equal(type, "application/x-ndjson") || header_equal(type, "application/ndjson") ||
           header_equal(type, "application/json");
}

// The weight among a media range's parameters; false if it is malformed.
static bool read_weight(struct slice parameters, int *ret_thousandths) {
    *ret_thousandths = HEADER_QUALITY_MOST;
    while (parameters.len > 0) {
        struct slice p = header_take_until(&parameters, ';');
        if (p.len >= 2 && header_equal(slice_of(p.data, 2), "q=")) {
            return header_quality(slice_of(p.data + 2, p.len - 2), ret_thousandths);
        }
    }
    return true;
}

enum stream_format stream_format_choose(struct http_headers headers) {
    int events = 0;
    int json = 0;
    struct header_list list = header_list_of(headers, "accept");
    for (struct slice member; header_list_next(&list, &member);) {
        struct slice type = header_take_until(&member, ';');
        int weight;
        if (!read_weight(member, &weight)) {
            continue;
        }
        if (header_equal(type, "text/event-stream")) {
            events = weight > events ? weight : events;
        } else if (is_json_type(type)) {
            json = weight > json ? weight : json;
        }
    }
    return events > 0 && events >= json ? STREAM_SSE : STREAM_NDJSON;
}

const char *stream_format_content_type(enum stream_format format) {
    return format == STREAM_SSE ? "text/event-stream" : "application/x-ndjson";
}

void stream_format_begin(enum stream_format format, bool is_error, struct strbuf *out) {
    if (format == STREAM_SSE) {
        strbuf_append_cstr(out, is_error ? "event: error\ndata: " : "data: ");
    }
}

void stream_format_end(enum stream_format format, struct strbuf *out) {
    strbuf_append_cstr(out, format == STREAM_SSE ? "\n\n" : "\n");
}

void stream_format_heartbeat(enum stream_format format, struct strbuf *out) {
    if (format != STREAM_RAW) {
        strbuf_append_cstr(out, format == STREAM_SSE ? ": heartbeat\n\n" : "\n");
    }
}
