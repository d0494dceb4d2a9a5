#include "storage/op/create_run.h"

#include "base/core/container_of.h"
#include "base/core/request_id.h"
#include "runs/v1/runs_service.pb-c.h"
#include "server/domain/message_guard.h"
#include "server/domain/run_codec.h"
#include "server/domain/run_error.h"
#include "server/domain/run_size.h"
#include "server/domain/run_validate.h"
#include "server/service/call_cause.h"
#include "server/service/call_key.h"
#include "server/service/run_lease.h"
#include "server/service/run_reply.h"
#include "server/service/service_method.h"

// Field numbers: protos/runs/v1/runs_service.proto.
enum { REQUEST_RUN = 1, REQUEST_REQUEST_ID = 3 };

struct create_run_call {
    struct service_call call;
    struct store_create_run create;
};

static void stored(struct service_call *call) {
    const struct store_create_run *create =
        &CONTAINER_OF(call, struct create_run_call, call)->create;
    if (create->op.result == STORE_EXISTS) {
        service_call_fail(call, run_error_exists(call->arena, call->run_id));
    } else if (create->op.result == STORE_CONFLICT) {
        service_call_fail(call, run_error_parent(call->arena, create));
    } else if (create->op.result == STORE_OVER_QUOTA) {
        service_call_fail(call, run_error_quota(call->arena, create));
    } else if (create->ret_is_replayed) {
        call->run_id =
            arena_cstr(call->arena, create->ret.id); // not one that was made for this call
        call_key_mark_replayed(call);
        run_reply(call, &create->ret);
    } else {
        if (create->ret.holder.len > 0) {
            run_lease_begun(call, &create->ret);
        }
        deadline_sweep_note(call->service->deadlines, run_record_due_us(&create->ret));
        run_reply(call, &create->ret);
    }
}

// What is stored of the run: what was given, and who made it, when and how.
static void set_record(struct service_call *call, const Runs__V1__Run *run, struct slice bytes,
                       struct run_record *ret_record) {
    ret_record->organization = call->organization;
    ret_record->id = slice_of_cstr(call->run_id);
    ret_record->status = RUN_RUNNING;
    ret_record->workflow_id = slice_of_cstr(run->workflow_id);
    const char *triggered_by =
        run->triggered_by[0] != '\0' ? run->triggered_by : call->identity.name;
    const char *trigger_source = run->trigger_source[0] != '\0' ? run->trigger_source : "api";
    const struct run_provenance provenance = {
        .id = ret_record->id,
        .organization = ret_record->organization,
        .started_at_us = ret_record->started_at_us,
        .trigger_source = slice_of_cstr(trigger_source),
        .triggered_by = slice_of_cstr(triggered_by),
    };
    ret_record->spec = run_spec_encode(call->arena, bytes, &provenance, &ret_record->fields);
}

static const struct error *set_key(const struct service_call *call,
                                   const Runs__V1__CreateRunRequest *request,
                                   struct store_create_run *create) {
    static const uint32_t left_out[] = {REQUEST_REQUEST_ID, 0};
    return call_key_set(call, request->request_id, &request->base, left_out, &create->idempotency,
                        &create->cause);
}

static const struct error *serve(struct service_call *call, const void *request) {
    struct arena *a = call->arena;
    const Runs__V1__Run *run = ((const Runs__V1__CreateRunRequest *)request)->run;
    if (run == NULL) {
        return run_error_field(a, "run", "is required");
    }
    struct store_create_run *create = &CONTAINER_OF(call, struct create_run_call, call)->create;
    struct run_record *in = &create->in;
    struct lease_wish lease;
    in->started_at_us = service_now_us(call->service);
    const struct error *error =
        run_validate_new(a, request, call->organization, in->started_at_us, &in->terms, &lease);
    if (error != NULL) {
        return error;
    }
    in->holder = lease.holder;
    in->lease_us = lease.duration_us;
    char *fresh_id = arena_alloc(a, UUID_TEXT_SIZE);
    uuid_make(fresh_id);
    call->run_id = run->id[0] != '\0' ? run->id : fresh_id;

    create->op.kind = &store_create_run_kind;
    create->quota = call->service->quota;
    set_record(call, run, message_field_bytes(rpc_server_call_request(call->rpc), REQUEST_RUN), in);
    if (run->parent_run_id != NULL) {
        create->parent_id = slice_of_cstr(run->parent_run_id->value);
    }
    create->cause = call_cause(call, "");
    error = set_key(call, request, create);
    if (error != NULL) {
        return error;
    }
    error = run_size_check(a, "run", in->spec, RUN_LARGEST_SPEC_BYTES);
    if (error == NULL) {
        error = run_fields_check_new(a, &in->fields);
    }
    if (error != NULL) {
        return error;
    }
    service_call_store(call, &create->op, stored);
    return NULL;
}

const struct service_method create_run_method = {
    .path = "/runs.v1.RunsService/CreateRun",
    .scope = SCOPE_RUNS_CREATE,
    .request_type = &runs__v1__create_run_request__descriptor,
    .call_bytes = sizeof(struct create_run_call),
    .serve = serve,
};
