#include "base/core/container_of.h"
#include "runs/v1/bulk.pb-c.h"
#include "server/domain/bulk_codec.h"
#include "server/domain/bulk_error.h"
#include "server/domain/run_validate.h"
#include "server/service/bulk_reply.h"
#include "server/service/service_method.h"
#include "storage/op/get_bulk.h"

struct get_bulk_cancel_call {
    struct service_call call;
    struct store_get_bulk get;
};

static void stored(struct service_call *call) {
    const struct store_get_bulk *get = &CONTAINER_OF(call, struct get_bulk_cancel_call, call)->get;
    if (get->op.result == STORE_NOT_FOUND) {
        const char *id = arena_cstr(call->arena, get->id);
        service_call_fail(call, bulk_error_not_found(call->arena, id));
    } else {
        bulk_reply(call, &get->ret, get->ret_sample, get->ret_sample_count);
    }
}

static const struct error *serve(struct service_call *call, const void *request) {
    const char *id = ((const Runs__V1__GetBulkCancelRequest *)request)->id;
    const struct error *error = run_validate_id(call->arena, "id", id);
    if (error != NULL) {
        return error;
    }
    struct store_get_bulk *get = &CONTAINER_OF(call, struct get_bulk_cancel_call, call)->get;
    get->op.kind = &store_get_bulk_kind;
    get->organization = call->organization;
    get->id = slice_of_cstr(id);
    get->sample = BULK_MOST_SAMPLE;
    service_call_store(call, &get->op, stored);
    return NULL;
}

const struct service_method get_bulk_cancel_method = {
    .path = "/runs.v1.BulkCancelsService/GetBulkCancel",
    .scope = SCOPE_RUNS_CANCEL,
    .is_read = true,
    .request_type = &runs__v1__get_bulk_cancel_request__descriptor,
    .call_bytes = sizeof(struct get_bulk_cancel_call),
    .serve = serve,
};
