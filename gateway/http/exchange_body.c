#include "gateway/edge/gunzip.h"
#include "gateway/edge/idempotency_key.h"
#include "gateway/http/exchange_internal.h"

// From a request's body to what answers it.

bool exchange_body_must_ask(const struct exchange *x, size_t size) {
    return x->error == NULL && x->body.len + size > EXCHANGE_STRANGERS_BYTES &&
           x->body_bytes + size <= x->context->limits.body_bytes && exchange_caller_must_ask(x);
}

// A refusal of the body by the gateway; message has what formats ask for.
#define refusal(x_, reason_, ...)                                                                  \
    own(error_new(&(x_)->arena, STATUS_INVALID_ARGUMENT, (reason_), __VA_ARGS__))

static const struct error *own(struct error *error) {
    error->domain = exchange_error_domain;
    return error;
}

enum MHD_Result exchange_body_take(struct exchange *x, const char *data, size_t size) {
    size_t limit = x->context->limits.body_bytes;
    x->body_bytes += size;
    if (x->error == NULL && x->body_bytes > limit) {
        x->error = refusal(x, REASON_BODY_TOO_LARGE, "The body is larger than %zu bytes.", limit);
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

// Whether a body of such a coding and media type is taken.
static const struct error *check_representation(struct exchange *x) {
    if (x->facts.content_encoding.len > 0) {
        return refusal(x, REASON_CONTENT_ENCODING_UNSUPPORTED,
                       "Content-Encoding: \"%.*s\" is not supported; expected gzip, once, or "
                       "identity.",
                       SLICE_FMT(x->facts.content_encoding));
    }
    bool takes_any = transcoder_route_takes_http_body(x->routing.match.route);
    if (!takes_any && !x->facts.media_type_is_json) {
        return refusal(x, REASON_MEDIA_TYPE_UNSUPPORTED,
                       "Content-Type: \"%.*s\" is not supported; expected application/json.",
                       SLICE_FMT(x->facts.content_type));
    }
    return NULL;
}

static bool take_room(void *exchange, size_t bytes) {
    struct exchange *x = exchange;
    x->error = exchange_memory_hold_inflated(x, bytes);
    return x->error == NULL;
}

// Replaces a compressed body by what it holds, whatever takes it.
static const struct error *inflate_body(struct exchange *x) {
    size_t limit = x->context->limits.body_bytes;
    const struct gunzip_room room = {take_room, x};
    struct strbuf inflated = STRBUF_INIT;
    const char *fault;
    switch (gunzip_inflate(strbuf_slice(&x->body), limit, &room, &inflated, &fault)) {
    case GUNZIP_DONE:
        strbuf_release(&x->body);
        x->body = inflated;
        return NULL;
    case GUNZIP_TOO_LARGE:
        return refusal(x, REASON_BODY_TOO_LARGE, "The body is larger than %zu bytes when inflated.",
                       limit);
    case GUNZIP_NO_ROOM:
        return x->error;
    case GUNZIP_MALFORMED:
        break;
    }
    struct error *e = error_new(&x->arena, STATUS_INVALID_ARGUMENT, REASON_BODY_INVALID,
                                "The body is no gzip: %s.", fault);
    error_add_violation(e, &x->arena, "body", "it is no gzip: %s", fault);
    return own(e);
}

// Makes the body ready to be read, with room for what it becomes.
static const struct error *prepare_body(struct exchange *x) {
    const struct error *error = x->body.len > 0 ? check_representation(x) : NULL;
    if (error == NULL) {
        error = exchange_upstream_check_room(x); // before anything is made of the body
    }
    return error == NULL && x->body.len > 0 && x->facts.is_gzip ? inflate_body(x) : error;
}

// Has the message carry the key that the header says it may be repeated under.
static const struct error *add_key(struct exchange *x, struct slice *message) {
    const struct transcoder_route *route = x->routing.match.route;
    if (!transcoder_route_takes_key(route)) {
        return NULL;
    }
    bool is_given;
    struct slice key;
    const struct error *error = idempotency_key_read(&x->arena, x->headers, &is_given, &key);
    return error == NULL && is_given ? transcoder_set_key(&x->arena, route, key, message) : error;
}

// Calls upstream.
static enum MHD_Result begin_call(struct exchange *x, struct MHD_Connection *connection) {
    const struct error *error = prepare_body(x);
    if (error != NULL) {
        return x->is_overload ? exchange_wait_refuse(x, connection, error)
                              : exchange_answer_error(x, connection, error, false);
    }
    struct slice message;
    const struct transcoder_request request = {
        .query = x->facts.query,
        .body = strbuf_slice(&x->body),
        .content_type = x->facts.content_type,
    };
    error = transcoder_encode_request(x->api->transcoder, &x->arena, &x->routing.match, &request,
                                      &message);
    if (error == NULL) {
        error = add_key(x, &message);
    }
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
    x->wait_ms = transcoder_call_wait_ms(x->routing.match.route, message);
    if (x->wait_ms > 0) { // another kind of room than it was taken for before
        error = exchange_upstream_check_room(x);
        if (error != NULL) {
            return exchange_wait_refuse(x, connection, error);
        }
    }
    return transcoder_route_server_streaming(x->routing.match.route)
               ? exchange_stream_start(x, connection, message)
               : exchange_call_start(x, connection, message);
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
    return begin_call(x, connection);
}
