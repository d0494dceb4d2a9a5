#include "storage/op/get_run.h"

#include "base/core/container_of.h"
#include "runs/v1/runs_service.pb-c.h"
#include "server/domain/run_validate.h"
#include "server/service/run_reply.h"
#include "server/service/service_method.h"

struct get_run_call {
    struct service_call call;
    struct store_get_run get;
};

static void stored(struct service_call *call) {
    const struct store_get_run *get = &CONTAINER_OF(call, struct get_run_call, call)->get;
    if (get->op.result == STORE_NOT_FOUND) {
        run_reply_not_found(call);
    } else {
        run_reply(call, &get->ret);
    }
}

static const struct error *serve(struct service_call *call, const void *request) {
    call->run_id = ((const Runs__V1__GetRunRequest *)request)->id;
    const struct error *error = run_validate_id(call->arena, "id", call->run_id);
    if (error != NULL) {
        return error;
    }
    struct store_get_run *get = &CONTAINER_OF(call, struct get_run_call, call)->get;
    get->op.kind = &store_get_run_kind;
    get->organization = call->organization;
    get->id = slice_of_cstr(call->run_id);
    service_call_store(call, &get->op, stored);
    return NULL;
}

const struct service_method get_run_method = {
    .path = "/runs.v1.RunsService/GetRun",
    .scope = SCOPE_RUNS_READ,
    .is_read = true,
    .request_type = &runs__v1__get_run_request__descriptor,
    .call_bytes = sizeof(struct get_run_call),
    .serve = serve,
};
