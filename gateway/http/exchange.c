#include "gateway/http/exchange.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/clock.h"
#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "base/core/request_id.h"
#include "base/log/log_mask.h"
#include "gateway/edge/error_details.h"
#include "gateway/envelope.h"
#include "gateway/http/exchange_internal.h"

enum {
    SPARE_COUNT = 256,
    CLIENT_CLOSED_REQUEST = 499,
    SECRET_LEAST = 8, // shorter credentials are words that paths hold anyway
};

const char exchange_error_domain[] = REASON_DOMAIN_GATEWAY;

// --- begin and end ---

struct exchange *exchange_begin(struct exchange_context *context, struct reaper_entry *entry,
                                struct MHD_Connection *connection, const char *target) {
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
    x->api = gateway_api_slot_get(context->apis);
    x->entry = entry;
    x->connection = connection;
    x->begin_us = clock_monotonic_us();
    x->received_target = target;
    x->target = arena_copy(&x->arena, slice_of_cstr(target));
    reaper_set_state(context->reaper, entry, REAPER_RECEIVING);
    return x;
}

// What the client sends as its credentials, without the scheme.
static struct slice credentials_of(const struct exchange *x) {
    struct slice token = x->facts.authorization;
    const uint8_t *space = token.len > 0 ? memrchr(token.data, ' ', token.len) : NULL;
    if (space != NULL) {
        size_t skipped = (size_t)(space + 1 - token.data);
        token = slice_of(space + 1, token.len - skipped);
    }
    return token;
}

// Whether the decoded path holds the credentials, or one half of them.
static bool holds_credentials(struct slice path, struct slice token) {
    size_t half = token.len / 2;
    return token.len >= SECRET_LEAST && path.len >= half &&
           (memmem(path.data, path.len, token.data, half) != NULL ||
            memmem(path.data, path.len, token.data + token.len - half, half) != NULL);
}

// The path as it may be logged: credentials that were put into it by mistake are not,
// in whatever form. *ret_masked says whether something was hidden.
static struct log_field path_field(struct exchange *x, bool *ret_masked) {
    static const char key[] = "path";
    static const char hidden[] = "***";
    size_t n = 0;
    while (n < x->target.len && x->target.data[n] != '?' && x->target.data[n] != '#') {
        n++;
    }
    struct slice path = slice_of(x->target.data, n);
    struct slice decoded = path;
    if (n > 0 && memchr(path.data, '%', n) != NULL) {
        char *plain = arena_alloc(&x->arena, n);
        decoded = slice_of(plain, log_mask_decode(path, plain));
    }
    *ret_masked = true;
    if (holds_credentials(decoded, credentials_of(x))) {
        return log_own_text(key, hidden);
    }
    if (n > LOG_MASK_LONGEST) {
        return log_slice(key, path); // the log cuts and masks it
    }
    char masked[LOG_MASK_SPACE];
    size_t length = log_mask(path, masked);
    *ret_masked = length > 0;
    return log_own_slice(key, length > 0 ? arena_copy(&x->arena, slice_of(masked, length)) : path);
}

static void log_access(struct exchange *x) {
    const struct logger *log = x->context->log;
    if (!log_enabled(log, LOG_INFO)) {
        return;
    }
    bool answered = x->reply.http_status != 0;
    bool is_masked;
    struct log_field fields[8];
    int n = 0;
    fields[n++] = log_slice("requestId", x->request_id);
    fields[n++] = log_slice("method", x->method);
    fields[n++] = path_field(x, &is_masked);
    if (is_masked && x->routing.match.route != NULL) {
        fields[n++] = log_own_text("route", transcoder_route_template(x->routing.match.route));
    }
    fields[n++] = log_int("status", answered ? x->reply.http_status : CLIENT_CLOSED_REQUEST);
    fields[n++] =
        log_own_text("code", status_code_name(answered ? x->reply.code : STATUS_CANCELLED));
    fields[n++] = log_int("durationUs", clock_monotonic_us() - x->begin_us);
    fields[n++] = log_int("bytes", (int64_t)x->reply.body_bytes);
    log_write(log, LOG_INFO, "request", fields, n);
}

void exchange_free(struct exchange *x) {
    gateway_api_unref(x->api);
    reply_release(&x->reply);
    strbuf_release(&x->body);
    arena_release(&x->arena);
    free(x);
}

// Keeps an exchange for the next request.
static void spare(struct exchange *x) {
    struct exchange_context *context = x->context;
    if (context->spare_count == SPARE_COUNT) {
        exchange_free(x);
        return;
    }
    gateway_api_unref(x->api);
    reply_release(&x->reply);
    strbuf_release(&x->body);
    arena_reset(&x->arena);
    x->next_spare = context->spare;
    context->spare = x;
    context->spare_count++;
}

void exchange_end(struct exchange *x) {
    struct exchange_context *context = x->context;
    if (x->state == EXCHANGE_CALLING && x->stream == NULL) {
        // The connection was found broken when it was resumed.
        exchange_release_call(x);
    }
    exchange_release_asking(x);
    if (x->stream != NULL) {
        exchange_leave_room(x);
        reaper_end_call(context->reaper, x->entry);
        exchange_begin_end_of_stream(x);
    }
    int early_status = reaper_early_status(x->entry, &x->request_id);
    if (early_status != 0) {
        x->reply.http_status = early_status;
        x->reply.code = early_status == MHD_HTTP_REQUEST_TIMEOUT ? STATUS_DEADLINE_EXCEEDED
                                                                 : STATUS_UNAVAILABLE;
        log_access(x);
    } else if (x->state != EXCHANGE_HEAD) {
        log_access(x);
    }
    struct reaper_entry *entry = x->entry;
    exchange_hold_nothing(x);
    bool is_free = x->stream == NULL || exchange_end_stream(x);
    reaper_set_state(context->reaper, entry, REAPER_IDLE);
    if (is_free) {
        spare(x);
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

static void run_resume(struct rpc_task *task) {
    MHD_resume_connection(CONTAINER_OF(task, struct exchange, resume_task)->connection);
}

void exchange_resume(struct exchange *x) {
    // Always on the HTTP thread: libmicrohttpd 0.9.75 without a thread of its own may
    // forget until something else happens what another thread resumes.
    struct rpc_loop *loop = x->context->loop;
    if (rpc_loop_is_current(loop)) {
        MHD_resume_connection(x->connection);
    } else {
        x->resume_task.run = run_resume;
        rpc_loop_post(loop, &x->resume_task);
    }
}

bool exchange_is_stopping(const struct exchange *x) {
    return atomic_load_explicit(&x->context->is_stopping, memory_order_relaxed);
}

const struct error *exchange_stopping_error(struct exchange *x, bool nothing_changed) {
    struct error *e =
        nothing_changed
            ? error_new(&x->arena, STATUS_UNAVAILABLE, REASON_SERVER_STOPPING,
                        "The gateway is stopping; nothing was changed.")
            : error_new(&x->arena, STATUS_UNAVAILABLE, REASON_OUTCOME_UNKNOWN,
                        "The gateway stopped before there was an answer; whether a change was "
                        "made is not known.");
    e->domain = exchange_error_domain;
    return e;
}

struct reply_request exchange_reply_request(struct exchange *x) {
    return (struct reply_request){
        .arena = &x->arena,
        .edge = &x->context->edge,
        .method = x->method,
        .headers = x->headers,
        .request_id = x->request_id,
    };
}

enum MHD_Result exchange_queue_reply(struct exchange *x, struct MHD_Connection *connection,
                                     bool close) {
    if (close || exchange_is_stopping(x)) {
        reaper_will_close(x->entry);
        reply_close_connection(&x->reply);
    } else if (x->facts.is_persistent) {
        reply_keep_connection(&x->reply, x->context->keep_alive);
    }
    x->state = EXCHANGE_ANSWERED;
    enum MHD_Result queued =
        MHD_queue_response(connection, (unsigned)x->reply.http_status, x->reply.response);
    reply_release(&x->reply);
    return queued;
}

// An error that the upstream or the transcoder explained for us, not the client.
void exchange_log_detail(const struct exchange *x, const struct error *error) {
    if (error->detail != NULL) {
        LOG(x->context->log, LOG_WARN, error->message, log_slice("requestId", x->request_id),
            log_text("code", status_code_name((int)error->code)),
            log_text("detail", error->detail));
    }
}

struct reply exchange_error_reply(struct exchange *x, const struct error *error,
                                  struct slice status_details) {
    exchange_log_detail(x, error);
    struct reply_request request = exchange_reply_request(x);
    struct error_details details = {x->api->transcoder, x->context->edge.details_schema, &x->arena};
    const struct envelope_status status = {status_details, error_details_json, &details};
    return reply_error(&request, error, &status);
}

enum MHD_Result exchange_answer_error(struct exchange *x, struct MHD_Connection *connection,
                                      const struct error *error, bool close) {
    x->reply = exchange_error_reply(x, error, SLICE_EMPTY);
    reaper_set_state(x->context->reaper, x->entry, REAPER_REPLYING);
    return exchange_queue_reply(x, connection, close);
}

// --- the body ---

// Whether so much more of a body would be kept that it must be known first who sends it.
static bool is_to_be_asked(const struct exchange *x, size_t size) {
    return x->error == NULL && x->body.len + size > EXCHANGE_STRANGERS_BYTES &&
           x->body_bytes + size <= x->context->limits.body_bytes && exchange_must_ask(x);
}

static enum MHD_Result take_body(struct exchange *x, const char *data, size_t size) {
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
        x->error = exchange_hold_chunks(x);
        if (x->error != NULL) {
            strbuf_release(&x->body);
            return MHD_YES;
        }
        strbuf_grow(&x->body, x->chunks_room - x->body.len);
    }
    strbuf_append(&x->body, data, size);
    return MHD_YES;
}

static enum MHD_Result finish_request(struct exchange *x, struct MHD_Connection *connection) {
    if (x->caller == CALLER_ASKED) {
        return exchange_refuse_caller(x, connection);
    }
    if (x->error != NULL) {
        return x->is_overload ? exchange_refuse(x, connection, x->error)
                              : exchange_answer_error(x, connection, x->error, false);
    }
    if (x->routing.kind == ROUTING_LOCAL) {
        return exchange_start_local(x, connection);
    }
    if (x->routing.kind == ROUTING_OPTIONS) {
        struct reply_request request = exchange_reply_request(x);
        x->reply = reply_options(&request, x->routing.options_allow);
        reaper_set_state(x->context->reaper, x->entry, REAPER_REPLYING);
        return exchange_queue_reply(x, connection, false);
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
    const struct error *error = exchange_check_room(x);
    if (error != NULL) {
        return exchange_refuse(x, connection, error);
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
        error = exchange_hold_message(x, message);
        if (error != NULL) {
            return exchange_refuse(x, connection, error);
        }
    }
    return transcoder_route_server_streaming(x->routing.match.route)
               ? exchange_start_stream(x, connection, message)
               : exchange_start_call(x, connection, message);
}

enum MHD_Result exchange_handle(struct exchange *x, struct MHD_Connection *connection,
                                const char *method, const char *version, const char *upload_data,
                                size_t *upload_data_size) {
    switch (x->state) {
    case EXCHANGE_HEAD:
        return exchange_take_head(x, connection, method, version);
    case EXCHANGE_WAITING:
        // It is called again for the head.
        x->state = EXCHANGE_BODY;
        return x->error != NULL && !exchange_is_worth_draining(x, connection)
                   ? exchange_answer_error(x, connection, x->error, true)
                   : MHD_YES;
    case EXCHANGE_ASKING:
        if (*upload_data_size == 0) { // called again for the head
            return exchange_is_known(x) ? exchange_begin_body(x, connection)
                                        : exchange_refuse_caller(x, connection);
        }
        if (!exchange_is_known(x)) {
            strbuf_release(&x->body); // the rest is dropped, and then it is told
        }
        x->state = EXCHANGE_BODY;
        reaper_set_request_id(x->context->reaper, x->entry, x->request_id);
        // fall through
    case EXCHANGE_BODY:
        if (*upload_data_size > 0) {
            size_t size = *upload_data_size;
            if (is_to_be_asked(x, size)) {
                exchange_ask_caller(x, connection);
                if (x->state == EXCHANGE_ASKING) {
                    return MHD_YES; // and is called with the same again
                }
            }
            *upload_data_size = 0;
            return take_body(x, upload_data, size);
        }
        return finish_request(x, connection);
    case EXCHANGE_CALLING:
        return x->stream != NULL ? exchange_begin_stream(x, connection)
                                 : exchange_finish_call(x, connection);
    case EXCHANGE_REFUSED:
        return exchange_answer_error(x, connection, x->error, false);
    case EXCHANGE_LOOKING:
        return exchange_finish_local(x, connection);
    case EXCHANGE_STREAMING:
    case EXCHANGE_ANSWERED:
        break;
    }
    *upload_data_size = 0; // what comes behind an answer is dropped
    return MHD_YES;
}
