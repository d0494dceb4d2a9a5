#include "base/core/container_of.h"
#include "runs/v1/runs_service.pb-c.h"
#include "server/domain/run_validate.h"
#include "server/service/run_change.h"
#include "server/service/service_method.h"

struct cancel_run_call {
    struct service_call call;
    struct store_transition_run change;
};

static void stored(struct service_call *call) {
    run_change_reply(call, &CONTAINER_OF(call, struct cancel_run_call, call)->change);
}

static const struct error *serve(struct service_call *call, const void *request) {
    const Runs__V1__CancelRunRequest *cancel = request;
    call->run_id = cancel->id;
    const struct error *error = run_validate_id(call->arena, "id", cancel->id);
    if (error == NULL) {
        error = run_validate_reason(call->arena, cancel->reason);
    }
    if (error != NULL) {
        return error;
    }
    struct store_transition_run *change = &CONTAINER_OF(call, struct cancel_run_call, call)->change;
    run_change_set(call, RUN_EVENT_CANCEL, cancel->reason, change);
    service_call_store(call, &change->op, stored);
    return NULL;
}

const struct service_method cancel_run_method = {
    .path = "/runs.v1.RunsService/CancelRun",
    .scope = SCOPE_RUNS_CANCEL,
    .request_type = &runs__v1__cancel_run_request__descriptor,
    .call_bytes = sizeof(struct cancel_run_call),
    .serve = serve,
};
