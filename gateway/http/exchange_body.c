#include "gateway/http/exchange_internal.h"

// From a request's body to what answers it.

bool exchange_body_must_ask(const struct exchange *x, size_t size) {
    return x->error == NULL && x->body.len + size > EXCHANGE_STRANGERS_BYTES &&
           x->body_bytes + size <= x->context->limits.body_bytes && exchange_caller_must_ask(x);
}

enum MHD_Result exchange_body_take(struct exchange *x, const char *data, size_t size) {
    size_t limit = x->context->limits.body_bytes;
    x->body_bytes += size;
    if (x->error == NULL && x->body_bytes > limit) {
        struct error *e = error_new(&x->arena, STATUS_INVALID_ARGUMENT, REASON_BODY_TOO_LARGE,
                                    "The body is larger than %zu bytes.", limit);
        e->domain = exchange_error_domain;
        x->error = e;
        strbuf_release(&x->body);
    }
    if (x->error != NULL || x->routing.kind != ROUTING_CALL) { // it is of no use
        return x->body_bytes <= exchange_drained_bytes(&x->context->limits) ? MHD_YES : MHD_NO;
    }
    if (x->body.capacity == 0 && x->facts.has_content_length) {
        strbuf_grow(&x->body, (size_t)x->facts.content_length); // checked against the limit
    } else if (x->facts.is_chunked && x->body.len + size > x->chunks_room) {
        x->error = exchange_memory_hold_chunks(x);
        if (x->error != NULL) {
            strbuf_release(&x->body);
            return MHD_YES;
        }
        strbuf_grow(&x->body, x->chunks_room - x->body.len);
    }
    strbuf_append(&x->body, data, size);
    return MHD_YES;
}

enum MHD_Result exchange_body_finish(struct exchange *x, struct MHD_Connection *connection) {
    if (x->caller == CALLER_ASKED) {
        return exchange_caller_refuse(x, connection);
    }
    if (x->error != NULL) {
        return x->is_overload ? exchange_wait_refuse(x, connection, x->error)
                              : exchange_answer_error(x, connection, x->error, false);
    }
    if (x->routing.kind == ROUTING_LOCAL) {
        return exchange_local_start(x, connection);
    }
    if (x->routing.kind == ROUTING_OPTIONS) {
        struct reply_request request = exchange_reply_request(x);
        x->reply = reply_options(&request, x->routing.options_allow);
        return exchange_answer(x, connection, false);
    }
    if (x->body.len > 0 && x->facts.content_encoding.len > 0) {
        struct error *e =
            error_new(&x->arena, STATUS_INVALID_ARGUMENT, REASON_CONTENT_ENCODING_UNSUPPORTED,
                      "Content-Encoding: \"%.*s\" is not supported; expected identity.",
                      SLICE_FMT(x->facts.content_encoding));
        e->domain = exchange_error_domain;
        return exchange_answer_error(x, connection, e, false);
    }
    bool takes_any = transcoder_route_takes_http_body(x->routing.match.route);
    if (x->body.len > 0 && !takes_any && !x->facts.media_type_is_json) {
        struct error *e =
            error_new(&x->arena, STATUS_INVALID_ARGUMENT, REASON_MEDIA_TYPE_UNSUPPORTED,
                      "Content-Type: \"%.*s\" is not supported; expected application/json.",
                      SLICE_FMT(x->facts.content_type));
        e->domain = exchange_error_domain;
        return exchange_answer_error(x, connection, e, false);
    }
    // Before anything is made of the body.
    const struct error *error = exchange_upstream_check_room(x);
    if (error != NULL) {
        return exchange_wait_refuse(x, connection, error);
    }
    struct slice message;
    const struct transcoder_request request = {
        .query = x->facts.query,
        .body = strbuf_slice(&x->body),
        .content_type = x->facts.content_type,
    };
    error = transcoder_encode_request(x->api->transcoder, &x->arena, &x->routing.match, &request,
                                      &message);
    if (error != NULL) {
        return exchange_answer_error(x, connection, error, false);
    }
    if (x->body.len > 0) {
        strbuf_release(&x->body);
        error = exchange_memory_hold_message(x, message);
        if (error != NULL) {
            return exchange_wait_refuse(x, connection, error);
        }
    }
    return transcoder_route_server_streaming(x->routing.match.route)
               ? exchange_stream_start(x, connection, message)
               : exchange_call_start(x, connection, message);
}
