#include "base/core/container_of.h"
#include "runs/v1/lease.pb-c.h"
#include "server/domain/lease_validate.h"
#include "server/domain/run_error.h"
#include "server/domain/run_validate.h"
#include "server/service/call_cause.h"
#include "server/service/run_reply.h"
#include "server/service/service_method.h"
#include "storage/op/stop_run.h"

struct acknowledge_cancel_call {
    struct service_call call;
    struct store_stop_run stop;
};

static void stored(struct service_call *call) {
    const struct store_stop_run *stop =
        &CONTAINER_OF(call, struct acknowledge_cancel_call, call)->stop;
    switch (stop->op.result) {
    case STORE_NOT_FOUND:
        run_reply_not_found(call);
        break;
    case STORE_CONFLICT:
        service_call_fail(
            call, stop->ret_is_stale
                      ? run_error_stale(call->arena, call->run_id, &stop->ret, stop->attempt)
                      : run_error_not_cancelled(call->arena, call->run_id, &stop->ret));
        break;
    default:
        stop_waits_tell(lease_keeper_stop_waits(call->service->leases), call->organization,
                        stop->id, &stop->ret);
        run_reply(call, &stop->ret);
        break;
    }
}

static const struct error *serve(struct service_call *call, const void *message) {
    const Runs__V1__AcknowledgeCancelRequest *request = message;
    struct violations v = {.arena = call->arena};
    call->run_id = request->id;
    run_validate_id_in(&v, "id", request->id);
    lease_validate_attempt(&v, "attempt", request->attempt, 0);
    run_validate_reason_in(&v, request->reason);
    if (v.error != NULL) {
        return v.error;
    }
    struct store_stop_run *stop = &CONTAINER_OF(call, struct acknowledge_cancel_call, call)->stop;
    stop->op.kind = &store_stop_run_kind;
    stop->organization = call->organization;
    stop->id = slice_of_cstr(call->run_id);
    stop->attempt = request->attempt;
    stop->at_us = service_now_us(call->service);
    stop->cause = call_cause(call, request->reason);
    service_call_store(call, &stop->op, stored);
    return NULL;
}

const struct service_method acknowledge_cancel_method = {
    .path = "/runs.v1.RunsService/AcknowledgeCancel",
    .scope = SCOPE_RUNS_REPORT,
    .request_type = &runs__v1__acknowledge_cancel_request__descriptor,
    .call_bytes = sizeof(struct acknowledge_cancel_call),
    .serve = serve,
};
