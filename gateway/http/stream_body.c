#include "gateway/edge/error_details.h"
#include "gateway/envelope.h"
#include "gateway/http/stream_body_internal.h"

static const struct error *put_http_body(struct stream_reply *s, struct slice message) {
    struct exchange *x = s->exchange;
    struct slice content_type;
    struct slice data;
    const struct error *error = transcoder_read_http_body(
        x->api->transcoder, &s->scratch, x->routing.match.route, message, &content_type, &data);
    if (error == NULL && !s->is_begun) {
        s->content_type = arena_copy(&x->arena, content_type);
    }
    if (error == NULL) {
        strbuf_append_slice(&s->ready, data);
    }
    return error;
}

// Appends what stands before an object, and before the first one of all.
static void begin_object(struct stream_reply *s, bool is_error, struct slice id) {
    if (!s->is_begun) {
        stream_format_open(s->format, &s->ready);
    }
    const struct stream_object object = {!s->has_object, is_error, id};
    stream_format_begin(s->format, &object, &s->ready);
}

// Begins an object whose JSON was made before.
static void begin_known(struct stream_reply *s, const struct message_memo_text *text) {
    begin_object(s, false, text->id);
    envelope_stream_begin(s->exchange->context->edge.options.envelope, &s->ready);
    strbuf_append_slice(&s->ready, text->json);
}

static const struct error *begin_new(struct stream_reply *s, struct slice message) {
    struct exchange *x = s->exchange;
    const struct transcoder_route *route = x->routing.match.route;
    size_t before = s->ready.len;
    struct message_memo_text text = {.id = transcoder_event_id(&s->scratch, route, message)};
    // Of bytes that are no message it is dropped with the rest.
    begin_object(s, false, text.id);
    envelope_stream_begin(x->context->edge.options.envelope, &s->ready);
    size_t begin = s->ready.len;
    const struct error *error =
        transcoder_decode_response(x->api->transcoder, &s->scratch, route, message, &s->ready);
    if (error != NULL) {
        s->ready.len = before;
        return error;
    }
    text.json = slice_of(s->ready.data + begin, s->ready.len - begin);
    message_memo_note(x->api->memo, route, message, &text);
    return NULL;
}

static const struct error *put_object(struct stream_reply *s, struct slice message) {
    struct exchange *x = s->exchange;
    enum envelope_kind kind = x->context->edge.options.envelope;
    struct message_memo_text text;
    if (message_memo_find(x->api->memo, x->routing.match.route, message, &text)) {
        begin_known(s, &text);
    } else {
        const struct error *error = begin_new(s, message);
        if (error != NULL) {
            return error;
        }
    }
    envelope_stream_end(kind, &s->ready, x->request_id);
    stream_format_end(s->format, &s->ready);
    s->has_object = true;
    return NULL;
}

void stream_body_put_error(struct stream_reply *s, const struct error *error,
                           struct slice details) {
    struct exchange *x = s->exchange;
    exchange_log_detail(x, error);
    if (s->format == STREAM_RAW) {
        s->is_broken = true;
        return;
    }
    struct error_details types = {x->api->transcoder, x->context->edge.details_schema, &s->scratch};
    const struct rpc_status_source status = {
        .bytes = details,
        .message_json = error_details_json,
        .context = &types,
        .http_status =
            transcoder_reason_http_status(x->api->transcoder, error->domain, error->reason),
    };
    begin_object(s, true, SLICE_EMPTY);
    envelope_append_stream_error(x->context->edge.options.envelope, &s->ready, error, &status,
                                 x->request_id);
    stream_format_end(s->format, &s->ready);
}

const struct error *stream_body_put_message(struct stream_reply *s, struct slice message) {
    return s->format == STREAM_RAW ? put_http_body(s, message) : put_object(s, message);
}
