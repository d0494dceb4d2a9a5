#include "base/core/check.h"
#include "base/core/clock.h"
#include "base/core/container_of.h"
#include "gateway/http/stream_body_internal.h"

// A stream of replies behind a request.
//
// Three threads meet here: the rpc loop's puts what arrives in ready, the HTTP thread
// sends it, and the group's adds heartbeats and begins replies. A reply begins with the first
// message or the end. Where these take long it begins HEAD_GRACE_MS after the upstream's
// initial metadata, by which it has taken the stream, and where that does not come either, once
// stream_headers_after_ms are over: then a refusal that comes later can only be the last
// object. Only bytes wait for the first message, which has their Content-Type.
//
// Back-pressure: the next message is asked for only when libmicrohttpd has taken all of the one
// before, which it does only as the socket takes it.

enum {
    BLOCK_BYTES = 16 << 10, // what libmicrohttpd takes at once
    KEPT_BYTES = 256 << 10, // of ready, from one message to the next
    // What comes so soon behind the upstream's initial metadata, an error or a message that is
    // none, still decides the status.
    HEAD_GRACE_MS = 200,
};

static struct stream_reply *stream_of(struct rpc_client_stream *call) {
    return CONTAINER_OF(call, struct stream_reply, call);
}

// --- what goes out ---

static ssize_t take_ready(struct stream_reply *s, char *buffer, size_t size) {
    size_t n = s->ready.len - s->taken;
    n = n < size ? n : size;
    memcpy(buffer, s->ready.data + s->taken, n);
    s->taken += n;
    s->sent_bytes += n;
    if (s->taken == s->ready.len) {
        s->taken = 0;
        s->ready.len = 0;
        if (s->ready.capacity > KEPT_BYTES) {
            strbuf_release(&s->ready);
        }
    }
    return (ssize_t)n;
}

// libmicrohttpd's content reader, on the HTTP thread.
static ssize_t read_content(void *closure, uint64_t position, char *buffer, size_t size) {
    (void)position;
    struct stream_reply *s = closure;
    ssize_t result = 0;
    bool asks = false;
    pthread_mutex_lock(&s->mutex);
    size_t ready = s->ready.capacity;
    if (s->ready.len > s->taken) {
        result = take_ready(s, buffer, size);
    } else if (s->is_over) {
        result =
            s->is_broken ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        asks = !s->is_asked;
        s->is_asked = true;
        s->is_waiting = true;
        // Under the lock: it is resumed only afterwards, when there is something to send.
        MHD_suspend_connection(s->exchange->connection);
    }
    pthread_mutex_unlock(&s->mutex);
    if (ready > 0) {
        exchange_memory_hold_stream(s->exchange, ready);
    }
    if (asks) {
        rpc_client_stream_next(&s->call);
    }
    return result;
}

// What was put in ready is to be sent. The caller has the lock.
static void wake_reader(struct stream_reply *s) {
    s->active_us = clock_monotonic_us();
    if (s->is_waiting) {
        s->is_waiting = false;
        exchange_resume(s->exchange);
    }
}

// --- the reply's head ---

static void add_limits(struct stream_reply *s, const struct reply_request *request,
                       struct MHD_Response *response) {
    struct slice policy;
    struct slice state = SLICE_EMPTY;
    if (rpc_client_stream_metadata(&s->call, REPLY_LIMIT_POLICY, &policy)) {
        rpc_client_stream_metadata(&s->call, REPLY_LIMIT_STATE, &state);
        reply_add_limits(request, response, policy, state);
    }
}

static void begin_reply(struct stream_reply *s) {
    struct exchange *x = s->exchange;
    struct reply_request request = exchange_reply_request(x);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_content, s, NULL);
    CHECK(response != NULL); // else out of memory
    if (slice_equal_cstr(x->method, MHD_HTTP_METHOD_HEAD)) {
        // libmicrohttpd 0.9.75 would send the end of a chunked body, though there is no
        // body: so that nothing follows the head, the connection ends with it.
        MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    }
    const char *content_type = s->format == STREAM_RAW
                                   ? reply_content_type(&x->arena, s->content_type)
                                   : stream_format_content_type(s->format);
    reply_add_headers(&request, response, "no-store", s->format == STREAM_RAW ? NULL : "Accept");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    // nginx would hold back what we send at once.
    MHD_add_response_header(response, "X-Accel-Buffering", "no");
    if (s->has_metadata && request.edge->response_headers.count > 0) {
        struct reply_visit visit = {&request, response};
        rpc_client_stream_each_metadata(&s->call, reply_visit_metadata, &visit);
    }
    if (s->has_metadata) {
        add_limits(s, &request, response);
    }
    x->reply = (struct reply){.response = response, .http_status = MHD_HTTP_OK};
    s->is_begun = true;
    s->active_us = clock_monotonic_us();
}

// Begins a reply that has no object yet. Its first bytes go with the head: proxies keep a head
// back until there are some. The caller has the lock, and resumes the exchange without it.
static void begin_quiet_reply(struct stream_reply *s) {
    begin_reply(s);
    stream_format_open(s->format, &s->ready);
    if (s->ready.len == 0) {
        stream_format_heartbeat(s->format, &s->ready);
    }
}

// --- what comes in, on the rpc loop's thread ---

static void on_head(struct rpc_client_stream *call) {
    struct stream_reply *s = stream_of(call);
    int64_t begin_by_us = clock_monotonic_us() + (int64_t)HEAD_GRACE_MS * 1000;
    pthread_mutex_lock(&s->mutex);
    s->has_metadata = true;
    if (s->format != STREAM_RAW && begin_by_us < s->begin_by_us) {
        s->begin_by_us = begin_by_us;
    }
    struct stream_group *streams = s->is_left ? NULL : s->exchange->context->streams;
    pthread_mutex_unlock(&s->mutex);
    if (streams != NULL) {
        stream_group_wake(streams);
    }
}

static void on_message(struct rpc_client_stream *call, struct slice message) {
    struct stream_reply *s = stream_of(call);
    struct exchange *x = s->exchange;
    pthread_mutex_lock(&s->mutex);
    if (s->is_left) { // it is not sent, and the exchange is not ours any more
        pthread_mutex_unlock(&s->mutex);
        return;
    }
    s->is_asked = false;
    const struct error *error = stream_body_put_message(s, message);
    if (error != NULL) {
        s->fault = error; // in scratch, which is not used any more
    } else {
        arena_reset(&s->scratch);
        metrics_counter_add(s->messages, 1);
    }
    bool is_first = error == NULL && !s->is_begun;
    s->has_metadata = true;
    if (is_first) {
        begin_reply(s);
    }
    // An empty HttpBody: there is nothing to send, so nothing else would ask for the next one.
    bool asks = error == NULL && !is_first && s->ready.len == 0;
    s->is_asked = asks;
    if (error == NULL && !is_first && !asks) {
        wake_reader(s);
    }
    pthread_mutex_unlock(&s->mutex);
    if (error != NULL) {
        rpc_client_stream_cancel(call);
    } else if (asks) {
        rpc_client_stream_next(call);
    } else if (is_first) {
        exchange_resume(x);
    }
}

// Why the stream ended; NULL if well.
static const struct error *end_error(struct stream_reply *s) {
    const struct error *error = s->fault != NULL ? s->fault : s->call.error;
    bool is_stopped = error != NULL && error->reason_id == REASON_REQUEST_CANCELLED &&
                      exchange_is_stopping(s->exchange);
    return is_stopped ? exchange_stopping_error(
                            s->exchange, s->call.is_read || rpc_client_stream_is_unsent(&s->call))
                      : error;
}

static void end_before_begin(struct stream_reply *s, const struct error *error,
                             struct slice details) {
    if (error == NULL && s->format == STREAM_SSE) {
        // Nothing has come and nothing will: a browser that gets a 204 does not ask again.
        struct reply_request request = exchange_reply_request(s->exchange);
        s->exchange->reply = reply_no_content(&request, "Accept");
    } else if (error == NULL) {
        s->has_metadata = true;
        begin_reply(s);
        stream_format_open(s->format, &s->ready);
        stream_format_close(s->format, &s->ready);
    } else {
        s->exchange->reply = exchange_error_reply(s->exchange, error, details);
        struct reply_request request = exchange_reply_request(s->exchange);
        struct reply_visit visit = {&request, s->exchange->reply.response};
        if (request.edge->response_headers.count > 0) {
            rpc_client_stream_each_metadata(&s->call, reply_visit_metadata, &visit);
        }
        add_limits(s, &request, visit.response);
    }
}

// Lets go of the call and of what the stream has.
static void release(struct stream_reply *s) {
    rpc_client_stream_release(&s->call);
    stream_group_remove(s->exchange->context->streams, &s->member);
    pthread_mutex_destroy(&s->mutex);
    strbuf_release(&s->ready);
    arena_release(&s->scratch);
}

static void on_done(struct rpc_client_stream *call) {
    struct stream_reply *s = stream_of(call);
    struct exchange *x = s->exchange;
    pthread_mutex_lock(&s->mutex);
    const struct error *error = end_error(s);
    struct slice details = error == call->error ? call->status_details : SLICE_EMPTY;
    bool is_left = s->is_left;
    bool is_first = !s->is_begun && !is_left;
    s->is_over = true;
    if (is_first) {
        end_before_begin(s, error, details);
    } else if (!is_left) {
        if (error != NULL) {
            stream_body_put_error(s, error, details);
            x->reply.code = (int)error->code;
            reply_set_reason(&x->reply, error);
        }
        stream_format_close(s->format, &s->ready);
        wake_reader(s);
    }
    struct stream_group *streams = x->context->streams;
    if (is_first) {
        exchange_resume(x);
    }
    if (!is_left) {
        // Under the lock: afterwards the HTTP thread may free all this.
        stream_group_call_over(streams);
        pthread_mutex_unlock(&s->mutex);
        return;
    }
    pthread_mutex_unlock(&s->mutex);
    release(s);
    exchange_free(x);
    // Last: who stops the gateway frees next what the exchange used, the channel say.
    stream_group_call_over(streams);
}

// --- the group's thread, and a stop's ---

// A heartbeat of a stream that waits, since only such a one is between two objects.
static void put_heartbeat(struct stream_reply *s) {
    if (s->is_waiting && !s->is_over) {
        stream_format_heartbeat(s->format, &s->ready);
        if (s->ready.len > 0) {
            wake_reader(s);
        }
    }
}

static int64_t beat(struct stream_member *member, int64_t now_us) {
    struct stream_reply *s = CONTAINER_OF(member, struct stream_reply, member);
    int64_t heartbeat_us = s->exchange->context->edge.options.stream_heartbeat_ms * 1000;
    bool begins = false;
    pthread_mutex_lock(&s->mutex);
    int64_t due_us = now_us + heartbeat_us;
    if (s->is_over || s->is_left) {
        due_us = INT64_MAX;
    } else if (!s->is_begun && now_us < s->begin_by_us) {
        due_us = due_us < s->begin_by_us ? due_us : s->begin_by_us;
    } else if (!s->is_begun) {
        begins = true;
        begin_quiet_reply(s);
    } else if (s->active_us + heartbeat_us > now_us) {
        due_us = s->active_us + heartbeat_us;
    } else {
        put_heartbeat(s);
    }
    pthread_mutex_unlock(&s->mutex);
    if (begins) {
        exchange_resume(s->exchange);
    }
    return due_us;
}

static void stop(struct stream_member *member) {
    struct stream_reply *s = CONTAINER_OF(member, struct stream_reply, member);
    pthread_mutex_lock(&s->mutex);
    if (!s->is_started) {
        s->is_stopped = true;
    } else if (!s->is_over) {
        rpc_client_stream_cancel(&s->call);
    }
    pthread_mutex_unlock(&s->mutex);
}

// --- the HTTP thread ---

// Under the lock: a stop may come just now, which begins with the stream's member.
static void start_call(struct stream_reply *s) {
    pthread_mutex_lock(&s->mutex);
    rpc_client_stream_start(&s->call);
    s->is_started = true;
    if (s->is_stopped) {
        rpc_client_stream_cancel(&s->call);
    }
    pthread_mutex_unlock(&s->mutex);
    rpc_client_stream_next(&s->call);
}

static void cancel_stream(void *call) {
    rpc_client_stream_cancel(call);
}

// The client has ended its direction. If it has gone, what it is sent now is answered with a
// reset, which the reaper sees.
static void probe_client(void *call) {
    struct stream_reply *s = stream_of(call);
    pthread_mutex_lock(&s->mutex);
    put_heartbeat(s);
    pthread_mutex_unlock(&s->mutex);
}

// When the reply begins without the upstream; INT64_MAX: never. Bytes need their type.
static int64_t begin_by_us(const struct exchange *x, enum stream_format format) {
    int64_t after_ms = x->context->edge.options.stream_headers_after_ms;
    return format == STREAM_RAW || after_ms < 0 ? INT64_MAX
                                                : clock_monotonic_us() + after_ms * 1000;
}

// Has the request go on behind the last event that the client has seen, if it says which.
static const struct error *resume(struct exchange *x, struct slice *message) {
    const struct transcoder_route *route = x->routing.match.route;
    const struct http_header *last =
        transcoder_route_resumes(route) ? header_find(x->headers, "last-event-id") : NULL;
    return last != NULL && last->value.len > 0
               ? transcoder_resume(&x->arena, route, last->value, message)
               : NULL;
}

enum MHD_Result exchange_stream_start(struct exchange *x, struct MHD_Connection *connection,
                                      struct slice message) {
    const struct error *error = resume(x, &message);
    if (error != NULL) {
        return exchange_answer_error(x, connection, error, false);
    }
    const struct rpc_metadata *metadata;
    int count;
    enum MHD_Result result;
    if (!exchange_upstream_begin_call(x, connection, &metadata, &count, &result)) {
        return result;
    }
    struct stream_reply *s = ARENA_NEW(&x->arena, struct stream_reply);
    s->exchange = x;
    s->member = (struct stream_member){.beat = beat, .stop = stop};
    s->is_asked = true;
    s->messages = http_metrics_stream_messages(x->context->metrics,
                                               transcoder_route_template(x->routing.match.route));
    s->call = (struct rpc_client_stream){
        .method = exchange_upstream_method(x),
        .request = message,
        .metadata = metadata,
        .metadata_count = count,
        // A stream lasts as long as it lasts, unless the client says otherwise.
        .deadline_us =
            x->facts.timeout_ms > 0 ? clock_monotonic_us() + x->facts.timeout_ms * 1000 : 0,
        .is_read = admission_is_safe(x->method),
        .arena = &x->arena,
        .head = on_head,
        .message = on_message,
        .done = on_done,
    };
    s->format = transcoder_route_returns_http_body(x->routing.match.route)
                    ? STREAM_RAW
                    : stream_format_choose(x->headers, x->context->edge.options.stream_json ==
                                                           STREAM_JSON_ARRAY);
    s->begin_by_us = begin_by_us(x, s->format);
    pthread_mutex_init(&s->mutex, NULL);
    arena_init(&s->scratch);
    if (!stream_group_add(x->context->streams, &s->member)) {
        pthread_mutex_destroy(&s->mutex);
        arena_release(&s->scratch);
        exchange_upstream_leave_room(x);
        return exchange_answer_error(x, connection, exchange_stopping_error(x, true), true);
    }
    x->stream = s;
    exchange_suspend_soon(x, connection, EXCHANGE_CALLING);
    start_call(s);
    static const struct reaper_call functions = {.cancel = cancel_stream, .probe = probe_client};
    reaper_call_started(x->context->reaper, x->entry, &functions, &s->call);
    return MHD_YES;
}

enum MHD_Result exchange_stream_begin(struct exchange *x, struct MHD_Connection *connection) {
    if (!x->stream->is_begun) {
        // An error; exchange_stream_end releases.
        return exchange_send_reply(x, connection, EXCHANGE_ANSWERED, false);
    }
    reaper_stream(x->context->reaper, x->entry);
    // Where the end of the body is the end of the connection.
    bool close = !x->facts.is_http_1_1 || slice_equal_cstr(x->method, MHD_HTTP_METHOD_HEAD);
    return exchange_send_reply(x, connection, EXCHANGE_STREAMING, close);
}

void exchange_stream_begin_end(struct exchange *x) {
    struct stream_reply *s = x->stream;
    // Until exchange_stream_end: the reply and the arena are the upstream loop's, too, and
    // the end of its call may free all.
    pthread_mutex_lock(&s->mutex);
    if (s->is_begun) {
        x->reply.body_bytes = s->sent_bytes;
    }
    if (s->is_begun && !s->is_over) {
        x->reply.code = STATUS_CANCELLED;
    }
}

bool exchange_stream_end(struct exchange *x) {
    struct stream_reply *s = x->stream;
    bool is_over = s->is_over;
    if (!is_over) {
        s->is_left = true;
        rpc_client_stream_cancel(&s->call); // on_done comes after this function, and frees
    }
    pthread_mutex_unlock(&s->mutex);
    if (is_over) {
        release(s);
    }
    return is_over;
}
