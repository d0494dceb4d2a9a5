#include "gateway/http/exchange_machine.h"

#include "base/core/clock.h"
#include "gateway/http/exchange_internal.h"

// With what libmicrohttpd calls: first with the head, then with each piece of the body, then
// without one. Whoever was suspended is called again in the same way.
struct input {
    struct MHD_Connection *connection;
    const char *method;
    const char *version;
    const char *data;
    size_t *size; // of data; 0: there is none. What is left of it comes again.
};

// --- a step for each state ---

static enum MHD_Result take_head(struct exchange *x, const struct input *in) {
    return exchange_head_take(x, in->connection, in->method, in->version);
}

static enum MHD_Result take_body(struct exchange *x, const struct input *in) {
    size_t size = *in->size;
    if (size == 0) {
        return exchange_body_finish(x, in->connection);
    }
    if (exchange_body_must_ask(x, size)) {
        exchange_caller_ask(x, in->connection);
        if (x->state == EXCHANGE_ASKING) {
            return MHD_YES; // and is called with the same again
        }
    }
    *in->size = 0;
    return exchange_body_take(x, in->data, size);
}

// The caller is known, or refused: at the head, or amid the body.
static enum MHD_Result go_on_asked(struct exchange *x, const struct input *in) {
    bool is_known = exchange_caller_is_known(x);
    if (*in->size == 0) {
        return is_known ? exchange_head_begin_body(x, in->connection)
                        : exchange_caller_refuse(x, in->connection);
    }
    if (!is_known) {
        strbuf_release(&x->body); // the rest is dropped, and then the refusal is sent
    }
    exchange_move(x, EXCHANGE_BODY);
    reaper_set_request_id(x->context->reaper, x->entry, x->request_id);
    return take_body(x, in);
}

// There is room for the request's bytes, or x->error says that there was none.
static enum MHD_Result go_on_with_room(struct exchange *x, const struct input *in) {
    if (x->error != NULL && !exchange_head_is_worth_draining(x, in->connection)) {
        return exchange_answer_error(x, in->connection, x->error, true);
    }
    exchange_move(x, EXCHANGE_BODY);
    return MHD_YES;
}

static enum MHD_Result finish_call(struct exchange *x, const struct input *in) {
    return x->stream != NULL ? exchange_stream_begin(x, in->connection)
                             : exchange_call_finish(x, in->connection);
}

static enum MHD_Result finish_refusal(struct exchange *x, const struct input *in) {
    return exchange_answer_error(x, in->connection, x->error, false);
}

static enum MHD_Result finish_local(struct exchange *x, const struct input *in) {
    return exchange_local_finish(x, in->connection);
}

// What comes behind an answer.
static enum MHD_Result drop(struct exchange *x, const struct input *in) {
    (void)x;
    *in->size = 0;
    return MHD_YES;
}

static enum MHD_Result (*const steps[])(struct exchange *x, const struct input *in) = {
    [EXCHANGE_HEAD] = take_head,          [EXCHANGE_ASKING] = go_on_asked,
    [EXCHANGE_WAITING] = go_on_with_room, [EXCHANGE_BODY] = take_body,
    [EXCHANGE_CALLING] = finish_call,     [EXCHANGE_REFUSED] = finish_refusal,
    [EXCHANGE_LOOKING] = finish_local,    [EXCHANGE_STREAMING] = drop,
    [EXCHANGE_ANSWERED] = drop,
};

// --- what libmicrohttpd calls ---

struct exchange *exchange_machine_begin(struct exchange_context *context,
                                        const struct exchange_connection *client,
                                        struct MHD_Connection *connection, const char *target) {
    struct exchange *x = exchange_new(context, client, connection, target);
    reaper_set_state(context->reaper, client->entry, REAPER_RECEIVING);
    return x;
}

enum MHD_Result exchange_machine_handle(struct exchange *x, struct MHD_Connection *connection,
                                        const char *method, const char *version,
                                        const char *upload_data, size_t *upload_data_size) {
    if (x->is_to_suspend) {
        return MHD_YES;
    }
    const struct input in = {connection, method, version, upload_data, upload_data_size};
    return steps[x->state](x, &in);
}

// What the reaper answered, past us.
static void take_early_reply(struct exchange *x) {
    int status = reaper_early_status(x->entry, &x->request_id);
    if (status != 0) {
        x->reply.http_status = status;
        x->reply.code =
            status == MHD_HTTP_REQUEST_TIMEOUT ? STATUS_DEADLINE_EXCEEDED : STATUS_UNAVAILABLE;
        x->reply.reason =
            status == MHD_HTTP_REQUEST_TIMEOUT ? REASON_REQUEST_TIMEOUT : REASON_SERVER_STOPPING;
    }
}

void exchange_machine_end(struct exchange *x) {
    struct exchange_context *context = x->context;
    exchange_suspend_never(x);
    if (x->state == EXCHANGE_CALLING && x->stream == NULL) {
        // The connection was found broken when it was resumed.
        exchange_call_release(x);
    }
    exchange_caller_release(x);
    if (x->stream != NULL) {
        exchange_upstream_leave_room(x);
        reaper_end_call(context->reaper, x->entry);
        exchange_stream_begin_end(x);
    }
    take_early_reply(x);
    if (x->state != EXCHANGE_HEAD || x->reply.http_status != 0) {
        int64_t duration_us = clock_monotonic_us() - x->begin_us;
        exchange_metrics_count(x, duration_us);
        exchange_log_access(x, duration_us);
    }
    if (x->span != NULL) {
        exchange_trace_end(x);
    }
    context->in_state[x->state]--;
    struct reaper_entry *entry = x->entry;
    exchange_memory_hold_nothing(x);
    bool is_free = x->stream == NULL || exchange_stream_end(x);
    reaper_set_state(context->reaper, entry, REAPER_IDLE);
    if (is_free) {
        exchange_spare(x);
    }
}
