#include "gateway/http/exchange.h"

#include <stdlib.h>

#include "base/core/check.h"
#include "base/core/clock.h"
#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "gateway/edge/error_details.h"
#include "gateway/envelope.h"
#include "gateway/http/exchange_internal.h"

enum { SPARE_COUNT = 256 };

const char exchange_error_domain[] = REASON_DOMAIN_GATEWAY;

// --- the states ---

#define TO(state) (1U << (state))

// By state: those that may come next.
static const unsigned next_states[] = {
    [EXCHANGE_HEAD] =
        TO(EXCHANGE_ASKING) | TO(EXCHANGE_WAITING) | TO(EXCHANGE_BODY) | TO(EXCHANGE_ANSWERED),
    [EXCHANGE_ASKING] = TO(EXCHANGE_WAITING) | TO(EXCHANGE_BODY) | TO(EXCHANGE_ANSWERED),
    [EXCHANGE_WAITING] = TO(EXCHANGE_BODY) | TO(EXCHANGE_ANSWERED),
    [EXCHANGE_BODY] = TO(EXCHANGE_ASKING) | TO(EXCHANGE_CALLING) | TO(EXCHANGE_REFUSED) |
                      TO(EXCHANGE_LOOKING) | TO(EXCHANGE_ANSWERED),
    [EXCHANGE_CALLING] = TO(EXCHANGE_STREAMING) | TO(EXCHANGE_ANSWERED),
    [EXCHANGE_REFUSED] = TO(EXCHANGE_ANSWERED),
    [EXCHANGE_LOOKING] = TO(EXCHANGE_ANSWERED),
    [EXCHANGE_STREAMING] = 0,
    [EXCHANGE_ANSWERED] = 0,
};

#undef TO

void exchange_move(struct exchange *x, enum exchange_state state) {
    CHECK((next_states[x->state] >> state & 1U) != 0);
    x->context->in_state[x->state]--;
    x->context->in_state[state]++;
    x->state = state;
}

// --- making and freeing ---

struct exchange *exchange_new(struct exchange_context *context,
                              const struct exchange_connection *client,
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
    context->in_state[x->state]++;
    x->api = gateway_api_slot_get(context->apis);
    x->entry = client->entry;
    x->client_address = slice_of_cstr(client->client_address);
    x->is_of_trusted = client->is_of_trusted;
    x->client_names = client->names;
    x->client_name_count = client->name_count;
    x->connection = connection;
    x->begin_us = clock_monotonic_us();
    x->received_target = target;
    x->target = arena_copy(&x->arena, slice_of_cstr(target));
    return x;
}

void exchange_free(struct exchange *x) {
    gateway_api_unref(x->api);
    reply_release(&x->reply);
    strbuf_release(&x->body);
    arena_release(&x->arena);
    free(x);
}

void exchange_spare(struct exchange *x) {
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

void exchange_context_release(struct exchange_context *context) {
    while (context->spare != NULL) {
        struct exchange *x = context->spare;
        context->spare = x->next_spare;
        arena_release(&x->arena);
        free(x);
    }
    context->spare_count = 0;
}

// --- suspending and resuming ---

void exchange_suspend(struct exchange *x, struct MHD_Connection *connection,
                      enum exchange_state state) {
    x->connection = connection;
    exchange_move(x, state);
    MHD_suspend_connection(connection);
}

void exchange_suspend_soon(struct exchange *x, struct MHD_Connection *connection,
                           enum exchange_state state) {
    struct exchange_context *context = x->context;
    x->connection = connection;
    exchange_move(x, state);
    x->is_to_suspend = true;
    x->next_to_suspend = context->to_suspend;
    context->to_suspend = x;
}

void exchange_suspend_received(struct exchange_context *context) {
    struct exchange *x = context->to_suspend;
    context->to_suspend = NULL;
    while (x != NULL) {
        struct exchange *next = x->next_to_suspend;
        x->is_to_suspend = false;
        MHD_suspend_connection(x->connection);
        x = next;
    }
}

void exchange_suspend_never(struct exchange *x) {
    struct exchange **link = &x->context->to_suspend;
    while (x->is_to_suspend && *link != x) {
        link = &(*link)->next_to_suspend;
    }
    if (x->is_to_suspend) {
        *link = x->next_to_suspend;
        x->is_to_suspend = false;
    }
}

// On the HTTP thread.
static void resume_now(struct exchange *x) {
    if (x->is_to_suspend) { // what it waits for was there at once
        exchange_suspend_never(x);
        MHD_suspend_connection(x->connection);
    }
    MHD_resume_connection(x->connection);
}

static void run_resume(struct rpc_task *task) {
    resume_now(CONTAINER_OF(task, struct exchange, resume_task));
}

void exchange_resume(struct exchange *x) {
    // Always on the HTTP thread: libmicrohttpd 0.9.75 without a thread of its own may
    // forget until something else happens what another thread resumes.
    struct rpc_loop *loop = x->context->loop;
    if (rpc_loop_is_current(loop)) {
        resume_now(x);
    } else {
        x->resume_task.run = run_resume;
        rpc_loop_post(loop, &x->resume_task);
    }
}

// --- the answer ---

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

struct reply exchange_error_reply(struct exchange *x, const struct error *error,
                                  struct slice status_details) {
    exchange_log_detail(x, error);
    struct reply_request request = exchange_reply_request(x);
    struct error_details details = {x->api->transcoder, x->context->edge.details_schema, &x->arena};
    const struct rpc_status_source status = {
        .bytes = status_details,
        .message_json = error_details_json,
        .context = &details,
        .http_status =
            transcoder_reason_http_status(x->api->transcoder, error->domain, error->reason),
    };
    return reply_error(&request, error, &status);
}

enum MHD_Result exchange_send_reply(struct exchange *x, struct MHD_Connection *connection,
                                    enum exchange_state state, bool close) {
    if (close || exchange_is_stopping(x)) {
        reaper_will_close(x->entry);
        reply_close_connection(&x->reply);
    } else if (x->facts.is_persistent) {
        reply_keep_connection(&x->reply, x->context->keep_alive);
    }
    exchange_move(x, state);
    if (x->reply.body_bytes > 0) {
        transport_expect_reply(&x->entry->transport);
    }
    enum MHD_Result queued =
        MHD_queue_response(connection, (unsigned)x->reply.http_status, x->reply.response);
    reply_release(&x->reply);
    return queued;
}

enum MHD_Result exchange_answer(struct exchange *x, struct MHD_Connection *connection, bool close) {
    reaper_set_state(x->context->reaper, x->entry, REAPER_REPLYING);
    return exchange_send_reply(x, connection, EXCHANGE_ANSWERED, close);
}

enum MHD_Result exchange_answer_error(struct exchange *x, struct MHD_Connection *connection,
                                      const struct error *error, bool close) {
    x->reply = exchange_error_reply(x, error, SLICE_EMPTY);
    return exchange_answer(x, connection, close);
}
