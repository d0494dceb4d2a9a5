#include "storage/op/delete_run.h"

#include "base/core/container_of.h"
#include "runs/v1/runs_service.pb-c.h"
#include "server/domain/run_error.h"
#include "server/domain/run_validate.h"
#include "server/feed/feed_hub.h"
#include "server/service/call_cause.h"
#include "server/service/run_reply.h"
#include "server/service/service_method.h"

// How long the rows of a run that has just ended may take to come up to date with its events.
enum { PATIENCE_US = 5 * 1000 * 1000 };

struct delete_run_call {
    struct service_call call;
    struct store_delete_run deletion;
    int64_t until_us;
};

static void reply(struct service_call *call, const struct store_delete_run *deletion) {
    switch (deletion->op.result) {
    case STORE_NOT_FOUND:
        run_reply_not_found(call);
        break;
    case STORE_CONFLICT:
        service_call_fail(call, run_error_not_finished(call->arena, call->run_id, &deletion->ret));
        break;
    default:
        service_call_reply(call, NULL, 0);
        break;
    }
}

// On a thread of the store, as of service_call_store. A run whose rows are behind is tried again:
// each try is behind others in the queue, and the store brings rows up to date meanwhile.
static void tried(struct store_op *op) {
    struct service_call *call = op->context;
    struct delete_run_call *m = CONTAINER_OF(call, struct delete_run_call, call);
    if (op->result == STORE_BUSY && m->deletion.ret_is_pending &&
        clock_monotonic_us() < m->until_us) {
        m->deletion.ret_is_pending = false;
        run_store_submit(call->service->store, op);
        return;
    }
    const struct error *error = service_call_store_error(call, op);
    if (error != NULL) {
        service_call_fail(call, error);
    } else {
        reply(call, &m->deletion);
    }
}

static const struct error *serve(struct service_call *call, const void *request) {
    struct delete_run_call *m = CONTAINER_OF(call, struct delete_run_call, call);
    call->run_id = ((const Runs__V1__DeleteRunRequest *)request)->id;
    const struct error *error = run_validate_id(call->arena, "id", call->run_id);
    if (error != NULL) {
        return error;
    }
    // Whoever watches and has everything hears where that is, before the floor is raised to the
    // run's newest event.
    feed_hub_bookmark(call->service->feed, call->organization);
    m->until_us = clock_monotonic_us() + PATIENCE_US;
    m->deletion = (struct store_delete_run){
        .op = {.kind = &store_delete_run_kind,
               .arena = call->arena,
               .deadline_us = rpc_server_call_deadline_us(call->rpc),
               .done = tried,
               .context = call},
        .organization = call->organization,
        .id = slice_of_cstr(call->run_id),
        .at_us = service_now_us(call->service),
        .cause = call_cause(call, ""),
    };
    run_store_submit(call->service->store, &m->deletion.op);
    return NULL;
}

const struct service_method delete_run_method = {
    .path = "/runs.v1.RunsService/DeleteRun",
    .scope = SCOPE_RUNS_DELETE,
    .request_type = &runs__v1__delete_run_request__descriptor,
    .call_bytes = sizeof(struct delete_run_call),
    .serve = serve,
};
