#include "gateway/local/readiness.h"

#include <stdlib.h>

#include "base/core/arena.h"
#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "rpc/health_answer.h"

struct readiness {
    struct readiness_options options;
    struct rpc_client_method *method; // NULL if the source is asked
    bool is_stopped;
    bool is_asking;
    bool was_ready;     // by the check that began last and has ended
    bool is_logged;     // was_ready is
    int64_t checked_us; // when it began; 0: there was none
    struct rpc_client_call call;
    struct arena arena;    // of the call
    struct rpc_task ended; // on the HTTP thread
    struct readiness_waiter *waiters;
};

// --- a check ---

static void log_change(struct readiness *r, bool is_ready) {
    if (r->is_logged ? is_ready == r->was_ready : is_ready) {
        return;
    }
    const struct error *error = r->call.error;
    if (is_ready) {
        LOG(r->options.log, LOG_INFO, "the upstream serves");
    } else {
        LOG(r->options.log, LOG_WARN, "the upstream does not serve",
            log_text("code", error != NULL ? status_code_name((int)error->code) : "NOT_SERVING"),
            log_text("error", health_answer_reason(error)),
            log_text("detail", error != NULL ? error->detail : NULL));
    }
    r->is_logged = true;
}

static void wake_all(struct readiness *r, bool is_ready) {
    struct readiness_waiter *waiter = r->waiters;
    r->waiters = NULL;
    while (waiter != NULL) {
        struct readiness_waiter *next = waiter->next;
        waiter->known(waiter, is_ready);
        waiter = next;
    }
}

static void end_check(struct rpc_task *task) {
    struct readiness *r = CONTAINER_OF(task, struct readiness, ended);
    const struct error *error = r->call.error;
    bool is_ready = health_answer_serves(error, r->call.response);
    r->is_asking = false;
    if (!r->is_stopped) {
        log_change(r, is_ready);
        r->was_ready = is_ready;
    }
    rpc_client_call_release(&r->call);
    arena_reset(&r->arena);
    wake_all(r, is_ready);
}

// On the thread of the upstream's loop.
static void call_done(struct rpc_client_call *call) {
    struct readiness *r = CONTAINER_OF(call, struct readiness, call);
    rpc_loop_post(r->options.loop, &r->ended);
}

// --- what others ask ---

enum readiness_answer readiness_look(const struct readiness *readiness, int64_t now_us) {
    const struct gateway_readiness *source = &readiness->options.source;
    if (readiness->is_stopped) {
        return READINESS_NO;
    }
    if (source->is_ready != NULL) {
        return source->is_ready(source->context) ? READINESS_YES : READINESS_NO;
    }
    int64_t fresh_until_us = readiness->checked_us + (int64_t)READINESS_FRESH_MS * 1000;
    if (readiness->is_asking || readiness->checked_us == 0 || now_us >= fresh_until_us) {
        return READINESS_UNKNOWN;
    }
    return readiness->was_ready ? READINESS_YES : READINESS_NO;
}

void readiness_ask(struct readiness *readiness, struct readiness_waiter *waiter, int64_t now_us) {
    waiter->next = readiness->waiters;
    readiness->waiters = waiter;
    if (readiness->is_asking) {
        return;
    }
    readiness->is_asking = true;
    readiness->checked_us = now_us;
    readiness->call = (struct rpc_client_call){
        .method = readiness->method, // with an empty message: the service ""
        .deadline_us = now_us + (int64_t)READINESS_TIMEOUT_MS * 1000,
        .is_read = true,
        .arena = &readiness->arena,
        .done = call_done,
    };
    rpc_client_call_start(&readiness->call);
}

void readiness_stop(struct readiness *readiness) {
    readiness->is_stopped = true;
    if (readiness->is_asking) {
        rpc_client_call_cancel(&readiness->call);
    }
    wake_all(readiness, false);
}

bool readiness_is_asking(const struct readiness *readiness) {
    return readiness->is_asking;
}

// --- the life of a readiness ---

struct readiness *readiness_new(const struct readiness_options *options) {
    struct readiness *readiness = mem_zalloc(sizeof(*readiness));
    readiness->options = *options;
    readiness->ended.run = end_check;
    arena_init(&readiness->arena);
    if (options->source.is_ready == NULL) {
        readiness->method = rpc_channel_method(options->upstream, "/grpc.health.v1.Health/Check");
    }
    return readiness;
}

void readiness_free(struct readiness *readiness) {
    if (readiness == NULL) {
        return;
    }
    if (readiness->method != NULL) {
        rpc_channel_method_release(readiness->method);
    }
    arena_release(&readiness->arena);
    free(readiness);
}
