#include "gateway/http/exchange.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/container_of.h"
#include "base/memory.h"
#include "base/request_id.h"
#include "gateway/envelope.h"
#include "gateway/http/connection_memory.h"
#include "gateway/http/head_layout.h"
#include "gateway/http/reply.h"
#include "gateway/http/request_head.h"
#include "gateway/http/request_metadata.h"
#include "gateway/http/routing.h"

enum {
    SPARE_COUNT = 256,
    // A body that will be refused is read to its end, so that the client reads
    // the reply instead of a broken connection; this many limits of it.
    DRAINED_LIMITS = 4,
    MIB = 1 << 20,
    CLIENT_CLOSED_REQUEST = 499,
    SECRET_LEAST = 8, // shorter credentials are words that paths hold anyway
};

static const char error_domain[] = "gateway.v1";

enum exchange_state { EXCHANGE_HEAD, EXCHANGE_BODY, EXCHANGE_CALLING, EXCHANGE_ANSWERED };

struct exchange {
    struct exchange_context *context;
    struct reaper_entry *entry;
    struct exchange *next_spare;
    struct arena arena;
    enum exchange_state state;
    int64_t begin_us;

    const char *received_target; // where it was received; valid until the head was taken
    struct slice target;
    struct slice method;
    struct http_headers headers; // valid until the end
    struct request_facts facts;
    struct slice request_id;
    struct routing routing;
    const struct error *error; // the answer, once the body is read
    struct strbuf body;
    uint64_t body_bytes; // with those that were dropped

    struct MHD_Connection *connection;
    struct rpc_client_call call;
    struct reply reply;
};

// --- begin and end ---

struct exchange *exchange_begin(struct exchange_context *context, struct reaper_entry *entry,
                                const char *target) {
    struct exchange *x = context->spare;
    if (x != NULL) {
        context->spare = x->next_spare;
        context->spare_count--;
        struct arena arena = x->arena;
        *x = (struct exchange){.arena = arena};
    } else {
        x = mem_zalloc(sizeof(*x));
        arena_init(&x->arena);
    }
    x->context = context;
    x->entry = entry;
    x->begin_us = clock_monotonic_us();
    x->received_target = target;
    x->target = arena_copy(&x->arena, slice_of_cstr(target));
    reaper_set_state(context->reaper, entry, REAPER_RECEIVING);
    return x;
}

// The path as it may be logged: a token that was put into it by mistake is not.
static struct slice loggable_path(struct exchange *x) {
    const uint8_t *question = x->target.len > 0 ? memchr(x->target.data, '?', x->target.len) : NULL;
    struct slice path = slice_of(
        x->target.data, question != NULL ? (size_t)(question - x->target.data) : x->target.len);
    struct slice token = x->facts.authorization;
    const uint8_t *space = token.len > 0 ? memrchr(token.data, ' ', token.len) : NULL;
    if (space != NULL) {
        size_t skipped = (size_t)(space + 1 - token.data);
        token = slice_of(space + 1, token.len - skipped);
    }
    const uint8_t *found = token.len >= SECRET_LEAST && path.len > 0
                               ? memmem(path.data, path.len, token.data, token.len)
                               : NULL;
    if (found == NULL) {
        return path;
    }
    return slice_of_cstr(
        arena_printf(&x->arena, "%.*s[token]", (int)(found - path.data), (const char *)path.data));
}

static void log_access(struct exchange *x) {
    const struct logger *log = x->context->log;
    if (!log_enabled(log, LOG_INFO)) {
        return;
    }
    bool answered = x->reply.http_status != 0;
    LOG(log, LOG_INFO, "request", log_slice("requestId", x->request_id),
        log_slice("method", x->method), log_slice("path", loggable_path(x)),
        log_int("status", answered ? x->reply.http_status : CLIENT_CLOSED_REQUEST),
        log_text("code", status_code_name(answered ? x->reply.code : STATUS_CANCELLED)),
        log_int("durationUs", clock_monotonic_us() - x->begin_us),
        log_int("bytes", (int64_t)x->reply.body_bytes));
}

void exchange_end(struct exchange *x) {
    struct exchange_context *context = x->context;
    if (x->state == EXCHANGE_CALLING) {
        // The connection was found broken when it was resumed.
        reaper_end_call(context->reaper, x->entry);
        rpc_client_call_release(&x->call);
    }
    if (reaper_timed_out(context->reaper, x->entry, &x->request_id)) {
        x->reply.http_status = MHD_HTTP_REQUEST_TIMEOUT;
        x->reply.code = STATUS_DEADLINE_EXCEEDED;
        log_access(x);
    } else if (x->state != EXCHANGE_HEAD) {
        log_access(x);
    }
    reaper_set_state(context->reaper, x->entry, REAPER_IDLE);
    reply_release(&x->reply);
    strbuf_release(&x->body);
    if (context->spare_count < SPARE_COUNT) {
        arena_reset(&x->arena);
        x->next_spare = context->spare;
        context->spare = x;
        context->spare_count++;
    } else {
        arena_release(&x->arena);
        free(x);
    }
}

void exchange_context_release(struct exchange_context *context) {
    while (context->spare != NULL) {
        struct exchange *x = context->spare;
        context->spare = x->next_spare;
        arena_release(&x->arena);
        free(x);
    }
    context->spare_count = 0;
}

// --- the answer ---

static bool is_stopping(const struct exchange *x) {
    return atomic_load_explicit(&x->context->is_stopping, memory_order_relaxed);
}

static struct error *own_error(struct exchange *x, enum status_code code, const char *reason,
                               const char *message) {
    struct error *e = error_new(&x->arena, code, reason, "%s", message);
    e->domain = error_domain;
    return e;
}

static const struct error *stopping_error(struct exchange *x) {
    return own_error(x, STATUS_UNAVAILABLE, "SERVER_STOPPING", "The gateway is stopping.");
}

static struct reply_request reply_request(struct exchange *x) {
    return (struct reply_request){
        .arena = &x->arena,
        .edge = &x->context->edge,
        .method = x->method,
        .headers = x->headers,
        .request_id = x->request_id,
    };
}

static enum MHD_Result queue_reply(struct exchange *x, struct MHD_Connection *connection,
                                   bool close) {
    if (close || is_stopping(x)) {
        reply_close_connection(&x->reply);
    }
    x->state = EXCHANGE_ANSWERED;
    enum MHD_Result queued =
        MHD_queue_response(connection, (unsigned)x->reply.http_status, x->reply.response);
    reply_release(&x->reply);
    return queued;
}

// An error that the upstream or the transcoder explained for us, not the client.
static void log_detail(const struct exchange *x, const struct error *error) {
    if (error->detail != NULL) {
        LOG(x->context->log, LOG_WARN, error->message, log_slice("requestId", x->request_id),
            log_text("code", status_code_name((int)error->code)),
            log_text("detail", error->detail));
    }
}

static enum MHD_Result answer_error(struct exchange *x, struct MHD_Connection *connection,
                                    const struct error *error, bool close) {
    log_detail(x, error);
    struct reply_request request = reply_request(x);
    x->reply = reply_error(&request, error, NULL);
    reaper_set_state(x->context->reaper, x->entry, REAPER_REPLYING);
    return queue_reply(x, connection, close);
}

// --- the head ---

struct received_headers {
    struct http_header *headers;
    size_t count;
    size_t capacity;
};

static enum MHD_Result add_header(void *closure, enum MHD_ValueKind kind, const char *name,
                                  size_t name_size, const char *value, size_t value_size) {
    (void)kind;
    if (connection_memory_is_own(name)) {
        return MHD_YES;
    }
    struct received_headers *list = closure;
    if (list->count == list->capacity) {
        return MHD_NO;
    }
    list->headers[list->count++] =
        (struct http_header){slice_of(name, name_size), slice_of(value, value_size)};
    return MHD_YES;
}

static struct request_head received_head(struct exchange *x, struct MHD_Connection *connection,
                                         const char *version) {
    int count = MHD_get_connection_values_n(connection, MHD_HEADER_KIND, NULL, NULL);
    struct received_headers list = {.capacity = (size_t)count};
    list.headers = ARENA_ARRAY(&x->arena, struct http_header, list.capacity + 1);
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, add_header, &list);
    x->headers = (struct http_headers){list.headers, list.count};
    return (struct request_head){
        .method = x->method,
        .target = x->target,
        .http_1_1 = strcmp(version, MHD_HTTP_VERSION_1_0) != 0, // others are refused before
        .headers = list.headers,
        .header_count = list.count,
    };
}

// Whether the head was spelled in a way that other servers may read otherwise.
static const struct error *check_layout(struct exchange *x, struct MHD_Connection *connection,
                                        const char *method, const char *version,
                                        const struct request_head *head) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    const struct head_layout layout = {
        .bytes = slice_of(method, info != NULL ? info->header_size : 0),
        .method = slice_of_cstr(method),
        .target = slice_of(x->received_target, x->target.len),
        .version = slice_of_cstr(version),
        .headers = head->headers,
        .header_count = head->header_count,
    };
    return head_layout_check(&x->arena, &layout);
}

static void choose_request_id(struct exchange *x) {
    if (x->facts.request_id.len > 0) {
        x->request_id = arena_copy(&x->arena, x->facts.request_id);
    } else {
        char *id = arena_alloc(&x->arena, UUID_TEXT_SIZE);
        uuid_make(id);
        x->request_id = slice_of_cstr(id);
    }
}

static const struct error *find_route(struct exchange *x) {
    const struct routing_request request = {
        .method = x->method,
        .path = x->facts.path,
        .headers = x->headers,
    };
    const struct error *error = routing_find(&x->arena, x->context->transcoder,
                                             &x->context->edge.cors, &request, &x->routing);
    if (error == NULL && x->routing.options_allow == NULL &&
        (transcoder_route_client_streaming(x->routing.match.route) ||
         transcoder_route_server_streaming(x->routing.match.route))) {
        return own_error(x, STATUS_UNIMPLEMENTED, "STREAMING_UNSUPPORTED",
                         "the method is a stream, which is served over gRPC only");
    }
    return error;
}

// Whether a refused request's body is so short that reading it is worth a reply
// that surely arrives. A client that waits for "100 Continue" is told at once.
static bool is_worth_draining(const struct exchange *x, struct MHD_Connection *connection) {
    const char *length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_EXPECT) != NULL) {
        return false;
    }
    return length == NULL ||
           strtoull(length, NULL, 10) <= x->context->limits.body_bytes * DRAINED_LIMITS + MIB;
}

static enum MHD_Result take_head(struct exchange *x, struct MHD_Connection *connection,
                                 const char *method, const char *version) {
    x->method = arena_copy(&x->arena, slice_of_cstr(method));
    struct request_head head = received_head(x, connection, version);
    const struct error *error =
        request_head_check(&x->arena, &head, &x->context->limits, &x->facts);
    choose_request_id(x);
    bool is_framed =
        error == NULL || (error->reason != NULL && strcmp(error->reason, "BODY_TOO_LARGE") == 0);
    if (is_framed) {
        const struct error *ambiguous = check_layout(x, connection, method, version, &head);
        if (ambiguous != NULL) {
            error = ambiguous;
            is_framed = false;
        }
    }
    if (error == NULL) {
        error = find_route(x);
    }
    if (error != NULL && !(is_framed && is_worth_draining(x, connection))) {
        return answer_error(x, connection, error, true);
    }
    x->error = error;
    x->state = EXCHANGE_BODY;
    if (x->facts.content_length > 0 || x->facts.is_chunked) {
        reaper_set_request_id(x->context->reaper, x->entry, x->request_id);
    }
    return MHD_YES;
}

// --- the body ---

static enum MHD_Result take_body(struct exchange *x, const char *data, size_t size) {
    size_t limit = x->context->limits.body_bytes;
    x->body_bytes += size;
    if (x->error == NULL && x->body_bytes > limit) {
        struct error *e = error_new(&x->arena, STATUS_INVALID_ARGUMENT, "BODY_TOO_LARGE",
                                    "The body is larger than %zu bytes.", limit);
        e->domain = error_domain;
        x->error = e;
        strbuf_release(&x->body);
    }
    if (x->error != NULL) {
        return x->body_bytes <= (uint64_t)limit * DRAINED_LIMITS + MIB ? MHD_YES : MHD_NO;
    }
    if (x->body.capacity == 0 && x->facts.has_content_length) {
        strbuf_grow(&x->body, (size_t)x->facts.content_length); // checked against the limit
    }
    strbuf_append(&x->body, data, size);
    return MHD_YES;
}

// --- the call ---

// On the rpc loop's thread.
static void call_done(struct rpc_client_call *call) {
    struct exchange *x = CONTAINER_OF(call, struct exchange, call);
    const struct error *error = call->error;
    struct reply_request request = reply_request(x);
    if (error == NULL) {
        enum envelope_kind kind = x->context->edge.options.envelope;
        struct reply_content content = {0};
        struct strbuf json = STRBUF_INIT;
        strbuf_grow(&json, call->response.len * 2 + 256);
        envelope_begin(kind, &json);
        content.data_begin = json.len;
        error = transcoder_decode_response(x->context->transcoder, &x->arena,
                                           x->routing.match.route, call->response, &json);
        if (error == NULL) {
            content.data_end = json.len;
            envelope_end(kind, &json, x->request_id);
            x->reply = reply_success(&request, &json, &content);
        }
        strbuf_release(&json);
    }
    if (error != NULL) {
        if (error->code == STATUS_CANCELLED && is_stopping(x)) {
            error = stopping_error(x);
        }
        log_detail(x, error);
        struct error_details details = {x->context->transcoder, x->context->edge.details_schema,
                                        &x->arena};
        // The status speaks only for what came from the upstream as it is.
        const struct envelope_status status = {error == call->error ? call->status_details
                                                                    : SLICE_EMPTY,
                                               error_details_json, &details};
        x->reply = reply_error(&request, error, &status);
    }
    reply_add_metadata(&request, &x->reply, call);
    // From here on the HTTP thread may end the exchange.
    MHD_resume_connection(x->connection);
}

static int64_t deadline_us(const struct exchange *x) {
    int64_t ms = x->context->limits.upstream_timeout_ms;
    if (x->facts.timeout_ms > 0 && x->facts.timeout_ms < ms) {
        ms = x->facts.timeout_ms;
    }
    return clock_monotonic_us() + ms * 1000;
}

static enum MHD_Result start_call(struct exchange *x, struct MHD_Connection *connection,
                                  struct slice message) {
    const struct rpc_metadata *metadata;
    int count;
    const struct error *error = request_metadata_make(&x->arena, &x->context->edge, x->headers,
                                                      &x->facts, x->request_id, &metadata, &count);
    if (error != NULL) {
        return answer_error(x, connection, error, false);
    }
    struct reaper *reaper = x->context->reaper;
    if (!reaper_begin_call(reaper, x->entry)) {
        return answer_error(x, connection, stopping_error(x), true);
    }
    x->connection = connection;
    x->call = (struct rpc_client_call){
        .method = x->context->methods[transcoder_route_method_index(x->routing.match.route)],
        .request = message,
        .metadata = metadata,
        .metadata_count = count,
        .deadline_us = deadline_us(x),
        .arena = &x->arena,
        .done = call_done,
    };
    x->state = EXCHANGE_CALLING;
    // In this order: the call may be done before its start returns.
    MHD_suspend_connection(connection);
    rpc_client_call_start(&x->call);
    reaper_call_started(reaper, x->entry, &x->call);
    return MHD_YES;
}

static enum MHD_Result finish_request(struct exchange *x, struct MHD_Connection *connection) {
    if (x->error != NULL) {
        return answer_error(x, connection, x->error, false);
    }
    if (x->routing.options_allow != NULL) {
        struct reply_request request = reply_request(x);
        x->reply = reply_options(&request, x->routing.options_allow);
        reaper_set_state(x->context->reaper, x->entry, REAPER_REPLYING);
        return queue_reply(x, connection, false);
    }
    if (x->body.len > 0 && x->facts.content_encoding.len > 0) {
        struct error *e =
            error_new(&x->arena, STATUS_INVALID_ARGUMENT, "CONTENT_ENCODING_UNSUPPORTED",
                      "Content-Encoding: \"%.*s\" is not supported; expected identity.",
                      SLICE_FMT(x->facts.content_encoding));
        e->domain = error_domain;
        return answer_error(x, connection, e, false);
    }
    if (x->body.len > 0 && !x->facts.media_type_is_json) {
        struct error *e =
            error_new(&x->arena, STATUS_INVALID_ARGUMENT, "MEDIA_TYPE_UNSUPPORTED",
                      "Content-Type: \"%.*s\" is not supported; expected application/json.",
                      SLICE_FMT(x->facts.content_type));
        e->domain = error_domain;
        return answer_error(x, connection, e, false);
    }
    struct slice message;
    const struct transcoder_request request = {
        .query = x->facts.query,
        .body = strbuf_slice(&x->body),
        .content_type = x->facts.content_type,
    };
    const struct error *error = transcoder_encode_request(x->context->transcoder, &x->arena,
                                                          &x->routing.match, &request, &message);
    if (error != NULL) {
        return answer_error(x, connection, error, false);
    }
    return start_call(x, connection, message);
}

static enum MHD_Result finish_call(struct exchange *x, struct MHD_Connection *connection) {
    reaper_end_call(x->context->reaper, x->entry);
    rpc_client_call_release(&x->call);
    return queue_reply(x, connection, false);
}

enum MHD_Result exchange_handle(struct exchange *x, struct MHD_Connection *connection,
                                const char *method, const char *version, const char *upload_data,
                                size_t *upload_data_size) {
    switch (x->state) {
    case EXCHANGE_HEAD:
        return take_head(x, connection, method, version);
    case EXCHANGE_BODY:
        if (*upload_data_size > 0) {
            size_t size = *upload_data_size;
            *upload_data_size = 0;
            return take_body(x, upload_data, size);
        }
        return finish_request(x, connection);
    case EXCHANGE_CALLING:
        return finish_call(x, connection);
    case EXCHANGE_ANSWERED:
        break;
    }
    *upload_data_size = 0; // what comes behind an answer is dropped
    return MHD_YES;
}
