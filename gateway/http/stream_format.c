#include "gateway/http/stream_format.h"

static bool is_lines_type(struct slice type) {
    return header_equal(type, "application/x-ndjson") || header_equal(type, "application/ndjson");
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

// The greatest weight that Accept gives to each.
struct weights {
    int events;
    int lines;
    int json;
};

static struct weights read_weights(struct http_headers headers) {
    struct weights most = {0};
    struct header_list list = header_list_of(headers, "accept");
    for (struct slice member; header_list_next(&list, &member);) {
        struct slice type = header_take_until(&member, ';');
        int weight;
        if (!read_weight(member, &weight)) {
            continue;
        }
        int *of = header_equal(type, "text/event-stream")  ? &most.events
                  : header_equal(type, "application/json") ? &most.json
                  : is_lines_type(type)                    ? &most.lines
                                                           : NULL;
        if (of != NULL && weight > *of) {
            *of = weight;
        }
    }
    return most;
}

enum stream_format stream_format_choose(struct http_headers headers, bool is_array) {
    struct weights w = read_weights(headers);
    if (w.events > 0 && w.events >= w.json && w.events >= w.lines) {
        return STREAM_SSE;
    }
    return is_array && (w.lines == 0 || w.lines < w.json) ? STREAM_ARRAY : STREAM_NDJSON;
}

const char *stream_format_content_type(enum stream_format format) {
    static const char *const types[] = {
        [STREAM_NDJSON] = "application/x-ndjson",
        [STREAM_ARRAY] = "application/json",
        [STREAM_SSE] = "text/event-stream",
    };
    return types[format];
}

void stream_format_open(enum stream_format format, struct strbuf *out) {
    if (format == STREAM_SSE) {
        strbuf_printf(out, "retry: %d\n\n", STREAM_RETRY_MS);
    } else if (format == STREAM_ARRAY) {
        strbuf_append_byte(out, '[');
    }
}

void stream_format_close(enum stream_format format, struct strbuf *out) {
    if (format == STREAM_ARRAY) {
        strbuf_append_cstr(out, "]\n");
    }
}

static bool is_event_id(struct slice id) {
    for (size_t i = 0; i < id.len; i++) {
        if (id.data[i] == '\0' || id.data[i] == '\n' || id.data[i] == '\r') {
            return false;
        }
    }
    return id.len > 0;
}

void stream_format_begin(enum stream_format format, const struct stream_object *object,
                         struct strbuf *out) {
    if (format == STREAM_ARRAY) {
        strbuf_append_cstr(out, object->is_first ? "" : ",");
    }
    if (format != STREAM_SSE) {
        return;
    }
    if (is_event_id(object->id)) {
        strbuf_append_cstr(out, "id: ");
        strbuf_append_slice(out, object->id);
        strbuf_append_byte(out, '\n');
    }
    // Not "error": an EventSource's onerror would be called with it, as for a connection.
    strbuf_append_cstr(out, object->is_error ? "event: stream-error\ndata: " : "data: ");
}

void stream_format_end(enum stream_format format, struct strbuf *out) {
    strbuf_append_cstr(out, format == STREAM_SSE ? "\n\n" : "\n");
}

void stream_format_heartbeat(enum stream_format format, struct strbuf *out) {
    if (format != STREAM_RAW) {
        strbuf_append_cstr(out, format == STREAM_SSE ? ": heartbeat\n\n" : "\n");
    }
}
