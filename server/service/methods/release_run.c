#include "base/core/container_of.h"
#include "runs/v1/lease.pb-c.h"
#include "server/domain/lease_state.h"
#include "server/domain/lease_validate.h"
#include "server/domain/run_error.h"
#include "server/domain/run_validate.h"
#include "server/service/call_cause.h"
#include "server/service/run_lease.h"
#include "server/service/run_reply.h"
#include "server/service/service_method.h"
#include "storage/op/end_lease.h"

struct release_run_call {
    struct service_call call;
    struct store_end_lease end;
};

// Why the lease is not given back, of the run as it is.
static const struct error *refusal(const struct service_call *call,
                                   const struct store_end_lease *end) {
    if (end->ret_is_stale) {
        return run_error_stale(call->arena, call->run_id, &end->ret, end->attempt);
    }
    return lease_state_of(&end->ret) == LEASE_OVER
               ? run_error_finished(call->arena, call->run_id, &end->ret, NULL)
               : run_error_not_held(call->arena, call->run_id, &end->ret);
}

static void stored(struct service_call *call) {
    const struct store_end_lease *end = &CONTAINER_OF(call, struct release_run_call, call)->end;
    switch (end->op.result) {
    case STORE_NOT_FOUND:
        run_reply_not_found(call);
        break;
    case STORE_CONFLICT:
        service_call_fail(call, refusal(call, end));
        break;
    default:
        run_lease_ended(call, &end->ret);
        run_reply(call, &end->ret);
        break;
    }
}

static const struct error *serve(struct service_call *call, const void *message) {
    const Runs__V1__ReleaseRunRequest *request = message;
    struct violations v = {.arena = call->arena};
    call->run_id = request->id;
    run_validate_id_in(&v, "id", request->id);
    lease_validate_attempt(&v, "attempt", request->attempt, 1);
    run_validate_reason_in(&v, request->reason);
    if (v.error != NULL) {
        return v.error;
    }
    struct store_end_lease *end = &CONTAINER_OF(call, struct release_run_call, call)->end;
    end->op.kind = &store_end_lease_kind;
    end->organization = call->organization;
    end->id = slice_of_cstr(call->run_id);
    end->attempt = request->attempt;
    end->kind = STORE_EVENT_RELEASE;
    end->at_us = service_now_us(call->service);
    end->cause = call_cause(call, request->reason);
    service_call_store(call, &end->op, stored);
    return NULL;
}

const struct service_method release_run_method = {
    .path = "/runs.v1.RunsService/ReleaseRun",
    .scope = SCOPE_RUNS_REPORT,
    .request_type = &runs__v1__release_run_request__descriptor,
    .call_bytes = sizeof(struct release_run_call),
    .serve = serve,
};
