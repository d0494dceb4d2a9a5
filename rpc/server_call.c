#include <grpc/support/time.h>
#include <stdlib.h>

#include "base/core/check.h"
#include "base/core/clock.h"
#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "rpc/server_internal.h"
#include "rpc/status_details.h"

// One call: what its handler sees, and its answer.

struct slice rpc_server_call_request(struct rpc_server_call *call) {
    return call->request.bytes;
}

bool rpc_server_call_metadata(struct rpc_server_call *call, const char *key,
                              struct slice *ret_value) {
    return rpc_metadata_find(&call->metadata, key, ret_value);
}

int rpc_server_call_metadata_count(struct rpc_server_call *call, const char *key) {
    int count = 0;
    struct slice wanted = slice_of_cstr(key);
    for (size_t i = 0; i < call->metadata.count; i++) {
        count += slice_equal(rpc_slice_view(&call->metadata.metadata[i].key), wanted);
    }
    return count;
}

struct arena *rpc_server_call_arena(struct rpc_server_call *call) {
    return &call->arena;
}

int64_t rpc_server_call_deadline_us(struct rpc_server_call *call) {
    if (gpr_time_cmp(call->deadline, gpr_inf_future(call->deadline.clock_type)) == 0) {
        return 0;
    }
    gpr_timespec left = gpr_time_sub(call->deadline, gpr_now(call->deadline.clock_type));
    int64_t deadline_us =
        clock_monotonic_us() + left.tv_sec * 1000000 + left.tv_nsec / GPR_NS_PER_US;
    return deadline_us != 0 ? deadline_us : 1;
}

const struct rpc_method *rpc_server_call_method(struct rpc_server_call *call) {
    return call->acceptor->method;
}

int64_t rpc_server_call_started_us(struct rpc_server_call *call) {
    return call->started_us;
}

static void answer_done(struct rpc_tag *tag, bool ok) {
    // Not ok is a caller that has gone: nobody is left to be told.
    (void)ok;
    rpc_server_call_ended(CONTAINER_OF(tag, struct rpc_server_call, answer.tag));
}

static void start_answer(struct rpc_server_call *call) {
    rpc_server_reply_made(call);
    grpc_call_error error = rpc_batch_start(&call->answer, call->core);
    if (error == GRPC_CALL_OK) {
        return;
    }
    // The operations are ours, so gRPC refuses them only through a defect. The
    // caller must not wait for nothing.
    LOG(call->server->log, LOG_ERROR, "gRPC core refused an answer",
        log_text("error", grpc_call_error_to_string(error)));
    grpc_call_cancel_with_status(call->core, GRPC_STATUS_INTERNAL, "the answer cannot be sent",
                                 NULL);
    rpc_server_call_ended(call);
}

static void run_answer(struct rpc_task *task) {
    start_answer(CONTAINER_OF(task, struct rpc_server_call, answer_task));
}

// Sends the answer in one batch, which also waits for the call's end: two events
// a call in all.
static void send(struct rpc_server_call *call) {
    rpc_batch_receive_close(&call->answer);
    // gRPC core takes locks and writes to the socket: on its own thread both are
    // cheap, and other threads have work of their own.
    if (rpc_loop_is_current(call->server->loop)) {
        start_answer(call);
    } else {
        rpc_loop_post(call->server->loop, &call->answer_task);
    }
}

static void prepare(struct rpc_server_call *call) {
    call->answer.tag.done = answer_done;
    call->answer_task.run = run_answer;
    rpc_batch_send_metadata(&call->answer, NULL, 0);
}

// Whether the handler's answer comes too late: the call's only end is left to await.
static bool is_too_late(struct rpc_server_call *call);

void rpc_server_call_reply(struct rpc_server_call *call, const struct slice *parts, size_t count) {
    if (is_too_late(call)) {
        return;
    }
    prepare(call);
    for (size_t i = 0; i < count; i++) {
        call->reply_bytes += parts[i].len;
    }
    rpc_batch_send_message(&call->answer, parts, count);
    rpc_server_call_add_status(call, NULL);
    send(call);
}

// Adds a status with error's details, made in a, to batch.
static void add_error(const struct rpc_server *server, struct rpc_batch *batch, struct arena *a,
                      grpc_metadata trailers[1], const struct error *given) {
    CHECK(given->code != STATUS_OK);
    struct error error = *given;
    if (error.domain == NULL) {
        error.domain = server->error_domain;
    }
    trailers[0].key = grpc_slice_from_static_string("grpc-status-details-bin");
    trailers[0].value = rpc_slice_copy(status_details_encode(a, &error));
    if (server->errors_in_trailers) {
        rpc_batch_send_status(batch, GRPC_STATUS_OK, SLICE_EMPTY, trailers, 1);
    } else {
        rpc_batch_send_status(batch, (grpc_status_code)error.code, status_message(a, &error),
                              trailers, 1);
    }
}

void rpc_server_call_add_status(struct rpc_server_call *call, const struct error *error) {
    if (error == NULL) {
        rpc_batch_send_status(&call->answer, GRPC_STATUS_OK, SLICE_EMPTY, NULL, 0);
    } else {
        add_error(call->server, &call->answer, &call->arena, call->trailers, error);
    }
}

void rpc_server_call_fail(struct rpc_server_call *call, const struct error *error) {
    if (is_too_late(call)) {
        return;
    }
    prepare(call);
    rpc_server_call_add_status(call, error);
    send(call);
}

// --- the end of the drain ---

struct rpc_server_parting {
    struct rpc_batch batch;
    struct rpc_server_call *call;
    struct arena arena; // not the call's, which the handler's thread may be using
    grpc_metadata trailers[1];
    bool is_sent; // or cannot be
    bool is_late; // the handler has answered, too late
};

static void end_if_parted(struct rpc_server_call *call) {
    struct rpc_server_parting *parting = call->parting;
    if (!parting->is_sent || !parting->is_late) {
        return;
    }
    call->parting = NULL;
    rpc_batch_destroy(&parting->batch);
    arena_release(&parting->arena);
    free(parting);
    rpc_server_call_ended(call);
}

static void parting_over(struct rpc_server_parting *parting) {
    struct rpc_server *server = parting->call->server;
    parting->is_sent = true;
    pthread_mutex_lock(&server->mutex);
    server->partings--;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
    end_if_parted(parting->call);
}

static void parting_done(struct rpc_tag *tag, bool ok) {
    (void)ok; // not ok is a caller that has gone
    parting_over(CONTAINER_OF(tag, struct rpc_server_parting, batch.tag));
}

static void run_late(struct rpc_task *task) {
    struct rpc_server_call *call = CONTAINER_OF(task, struct rpc_server_call, answer_task);
    call->parting->is_late = true;
    end_if_parted(call);
}

static bool is_too_late(struct rpc_server_call *call) {
    if (atomic_exchange(&call->answerer, RPC_ANSWERER_HANDLER) != RPC_ANSWERER_STOP) {
        return false;
    }
    call->answer_task.run = run_late;
    rpc_loop_post(call->server->loop, &call->answer_task);
    return true;
}

// What is known of a call whose handler has not answered: a change may be made yet.
static const struct error *parting_error(const struct rpc_server_call *call, struct arena *a) {
    struct error *e =
        call->acceptor->method->is_read
            ? error_new(a, STATUS_UNAVAILABLE, REASON_SERVER_STOPPING,
                        "the server is stopping; nothing was changed")
            : error_new(a, STATUS_UNAVAILABLE, REASON_OUTCOME_UNKNOWN,
                        "the server stopped before it had an answer; whether a change was made is "
                        "not known");
    e->retry_after_ms = RPC_RETRY_WHEN_STOPPING_MS;
    return e;
}

static void give_up(struct rpc_server_call *call) {
    struct rpc_server *server = call->server;
    int nobody = RPC_ANSWERER_NOBODY;
    if (!atomic_compare_exchange_strong(&call->answerer, &nobody, RPC_ANSWERER_STOP)) {
        return;
    }
    struct rpc_server_parting *parting = mem_zalloc(sizeof(*parting));
    parting->call = call;
    call->parting = parting;
    arena_init(&parting->arena);
    rpc_batch_init(&parting->batch, server->loop, parting_done);
    rpc_batch_send_metadata(&parting->batch, NULL, 0);
    add_error(server, &parting->batch, &parting->arena, parting->trailers,
              parting_error(call, &parting->arena));
    rpc_batch_receive_close(&parting->batch);
    pthread_mutex_lock(&server->mutex);
    server->partings++;
    pthread_mutex_unlock(&server->mutex);
    if (rpc_batch_start(&parting->batch, call->core) != GRPC_CALL_OK) {
        parting_over(parting); // the caller hears of it when its connection ends
    }
}

void rpc_server_calls_give_up(struct rpc_server *server) {
    struct rpc_server_call *next;
    for (struct rpc_server_call *call = server->unary_calls; call != NULL; call = next) {
        next = call->next;
        give_up(call);
    }
}
