#include "base/core/container_of.h"
#include "runs/v1/bulk.pb-c.h"
#include "server/domain/bulk_error.h"
#include "server/domain/run_validate.h"
#include "server/service/bulk_reply.h"
#include "server/service/call_cause.h"
#include "server/service/service_method.h"
#include "storage/op/change_bulk.h"

struct abort_bulk_cancel_call {
    struct service_call call;
    struct store_change_bulk change;
};

static void stored(struct service_call *call) {
    const struct store_change_bulk *change =
        &CONTAINER_OF(call, struct abort_bulk_cancel_call, call)->change;
    if (change->op.result == STORE_NOT_FOUND) {
        const char *id = arena_cstr(call->arena, change->id);
        service_call_fail(call, bulk_error_not_found(call->arena, id));
    } else if (change->op.result == STORE_CONFLICT) {
        service_call_fail(call, bulk_error_ended(call->arena, &change->ret, "aborted"));
    } else {
        bulk_waits_tell(bulk_runner_waits(call->service->bulks), change->organization, change->id);
        bulk_reply(call, &change->ret, NULL, 0);
    }
}

static const struct error *serve(struct service_call *call, const void *request) {
    const char *id = ((const Runs__V1__AbortBulkCancelRequest *)request)->id;
    const struct error *error = run_validate_id(call->arena, "id", id);
    if (error != NULL) {
        return error;
    }
    call->target = id;
    struct store_change_bulk *change =
        &CONTAINER_OF(call, struct abort_bulk_cancel_call, call)->change;
    change->op.kind = &store_change_bulk_kind;
    change->organization = call->organization;
    change->id = slice_of_cstr(id);
    change->from = BULK_STATE_UNFINISHED;
    change->to = BULK_ABORTED;
    change->at_us = service_now_us(call->service);
    change->cause = call_cause(call, "");
    service_call_store(call, &change->op, stored);
    return NULL;
}

const struct service_method abort_bulk_cancel_method = {
    .path = "/runs.v1.BulkCancelsService/AbortBulkCancel",
    .scope = SCOPE_RUNS_CANCEL,
    .request_type = &runs__v1__abort_bulk_cancel_request__descriptor,
    .call_bytes = sizeof(struct abort_bulk_cancel_call),
    .serve = serve,
};
