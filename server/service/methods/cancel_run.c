#include "base/core/container_of.h"
#include "rpc/server_long_poll.h"
#include "runs/v1/runs_service.pb-c.h"
#include "server/domain/lease_validate.h"
#include "server/domain/run_error.h"
#include "server/domain/run_validate.h"
#include "server/lease/stop_look.h"
#include "server/service/call_key.h"
#include "server/service/run_change.h"
#include "server/service/run_lease.h"
#include "server/service/run_reply.h"
#include "server/service/service_method.h"

// Field numbers: protos/runs/v1/runs_service.proto.
enum { REQUEST_WAIT = 3, REQUEST_REQUEST_ID = 4 };

struct cancel_run_call {
    struct service_call call;
    struct store_transition_run change;
    struct stop_wait wait;
    bool waits; // until the work has stopped, if somebody may be at it
};

// The run is cancelled, however the wait ended.
static void waited(struct stop_wait *wait, const struct run_record *run, enum wait_end why) {
    struct cancel_run_call *m = CONTAINER_OF(wait, struct cancel_run_call, wait);
    (void)why; // a caller that is gone gets no reply, one of a stopping server the truth
    run_reply(&m->call, run != NULL ? run : &m->change.ret);
}

static void gone(void *context) {
    struct cancel_run_call *m = context;
    if (stop_waits_gone(lease_keeper_stop_waits(m->call.service->leases), &m->wait)) {
        waited(&m->wait, NULL, WAIT_GONE);
    }
}

static void wait_for_stop(struct cancel_run_call *m) {
    struct stop_waits *waits = lease_keeper_stop_waits(m->call.service->leases);
    // The stop may have come before the wait.
    struct stop_look *look = stop_look_new(m->call.service->store, waits, m->call.organization,
                                           slice_of_cstr(m->call.run_id));
    stop_waits_add(waits, &m->wait); // the call may be over from here on
    stop_look_begin(look);
}

// Whether somebody may be at the run that was cancelled, beside who holds it: whoever dispatches
// it; and of a cancel that was done before, whoever held it then.
static bool may_be_at_work(const struct store_transition_run *change) {
    const struct run_record *run = &change->ret;
    return run->terms.dispatch == RUN_DISPATCH_EXTERNAL ||
           (change->ret_is_replayed && run->attempt != 0 && run->stopped_at_us == 0);
}

static void stored(struct service_call *call) {
    struct cancel_run_call *m = CONTAINER_OF(call, struct cancel_run_call, call);
    const struct store_transition_run *change = &m->change;
    if (change->op.result == STORE_OK) {
        if (change->ret_is_replayed) {
            call_key_mark_replayed(call);
        }
        run_lease_ended(call, &change->ret);
        if (m->waits && (change->ret_was_held || may_be_at_work(change))) {
            wait_for_stop(m);
            return;
        }
    }
    run_change_reply(call, change);
}

// Makes the call a long poll, if it is to wait and there is room: a cancel is not refused because
// others wait.
static void begin_wait(struct cancel_run_call *m, int64_t wait_us) {
    struct service_call *call = &m->call;
    int64_t until_us = run_lease_wait_until_us(call, wait_us);
    m->waits = until_us != 0 && call_limit_wait(&call->limit) &&
               rpc_server_long_poll_begin(call->rpc, gone, m);
    m->wait = (struct stop_wait){
        .organization = call->organization,
        .run_id = slice_of_cstr(call->run_id),
        .until_us = until_us,
        .ended = waited,
    };
}

static const struct error *check(struct service_call *call,
                                 const Runs__V1__CancelRunRequest *cancel, int64_t *ret_wait_us) {
    const struct error *error = run_validate_id(call->arena, "id", cancel->id);
    if (error == NULL) {
        error = run_validate_reason(call->arena, cancel->reason);
    }
    if (error == NULL && cancel->expected_sequence < 0) {
        error = run_error_field(call->arena, "expectedSequence", "must be at least 0, got %lld",
                                (long long)cancel->expected_sequence);
    }
    if (error == NULL && cancel->wait != NULL) {
        struct violations v = {.arena = call->arena};
        lease_validate_wait(&v, cancel->wait, ret_wait_us);
        error = v.error;
    }
    return error;
}

static const struct error *serve(struct service_call *call, const void *request) {
    struct cancel_run_call *m = CONTAINER_OF(call, struct cancel_run_call, call);
    const Runs__V1__CancelRunRequest *cancel = request;
    int64_t wait_us = 0;
    call->run_id = cancel->id;
    const struct error *error = check(call, cancel, &wait_us);
    if (error != NULL) {
        return error;
    }
    // The same cancel, however long its caller waits for the work's end.
    static const uint32_t left_out[] = {REQUEST_WAIT, REQUEST_REQUEST_ID, 0};
    run_change_set(call, RUN_EVENT_CANCEL, cancel->reason, &m->change);
    m->change.expected_sequence = cancel->expected_sequence;
    error = call_key_set(call, cancel->request_id, &cancel->base, left_out, &m->change.idempotency,
                         &m->change.cause);
    if (error != NULL) {
        return error;
    }
    if (wait_us > 0) {
        begin_wait(m, wait_us);
    }
    service_call_store(call, &m->change.op, stored);
    return NULL;
}

const struct service_method cancel_run_method = {
    .path = "/runs.v1.RunsService/CancelRun",
    .scope = SCOPE_RUNS_CANCEL,
    .request_type = &runs__v1__cancel_run_request__descriptor,
    .call_bytes = sizeof(struct cancel_run_call),
    .serve = serve,
};
