#include "base/core/container_of.h"
#include "runs/v1/runs_service.pb-c.h"
#include "server/domain/run_codec.h"
#include "server/domain/run_error.h"
#include "server/domain/run_validate.h"
#include "server/service/call_key.h"
#include "server/service/run_change.h"
#include "server/service/run_lease.h"
#include "server/service/service_method.h"

// Field numbers: protos/runs/v1/runs_service.proto.
enum { REQUEST_REQUEST_ID = 7 };

struct report_run_call {
    struct service_call call;
    struct store_transition_run change;
};

static void stored(struct service_call *call) {
    const struct store_transition_run *change =
        &CONTAINER_OF(call, struct report_run_call, call)->change;
    if (change->op.result == STORE_OK && change->ret_is_replayed) {
        call_key_mark_replayed(call);
    } else if (change->op.result == STORE_OK && run_status_is_final((int)change->to)) {
        run_lease_ended(call, &change->ret);
    } else if (change->op.result == STORE_OK) {
        deadline_sweep_note(call->service->deadlines, run_record_due_us(&change->ret));
    }
    run_change_reply(call, change);
}

// Finds the event that a report of status is; returns false if there is none.
static bool event_of_report(int status, enum run_event_kind *ret_event) {
    switch (status) {
    case RUN_RUNNING:
        *ret_event = RUN_EVENT_REPORT_RUNNING;
        return true;
    case RUN_WAITING:
        *ret_event = RUN_EVENT_REPORT_WAITING;
        return true;
    case RUN_SUCCESS:
        *ret_event = RUN_EVENT_REPORT_SUCCESS;
        return true;
    case RUN_FAILURE:
        *ret_event = RUN_EVENT_REPORT_FAILURE;
        return true;
    default:
        return false;
    }
}

static const struct error *check_text(struct arena *a, const Runs__V1__ReportRunRequest *report) {
    const struct error *error = run_validate_id(a, "id", report->id);
    return error != NULL ? error : run_validate_reason(a, report->reason);
}

static const struct error *serve(struct service_call *call, const void *request) {
    const Runs__V1__ReportRunRequest *report = request;
    call->run_id = report->id;
    const struct error *error = check_text(call->arena, report);
    if (error != NULL) {
        return error;
    }
    enum run_event_kind event;
    if (!event_of_report((int)report->status, &event)) {
        return run_error_field(call->arena, "status",
                               "must be running, waiting, success or failure, got %s",
                               run_status_word((int)report->status));
    }
    if (report->attempt < 0) {
        return run_error_field(call->arena, "attempt", "must be at least 0, got %lld",
                               (long long)report->attempt);
    }
    struct store_transition_run *change = &CONTAINER_OF(call, struct report_run_call, call)->change;
    run_change_set(call, event, report->reason, change);
    change->checks_attempt = true;
    change->attempt = report->attempt;
    static const uint32_t left_out[] = {REQUEST_REQUEST_ID, 0};
    error = call_key_set(call, report->request_id, &report->base, left_out, &change->idempotency,
                         &change->cause);
    if (error != NULL) {
        return error;
    }
    error = run_fields_read_report(call->arena, report, rpc_server_call_request(call->rpc),
                                   &change->fields, &change->given);
    if (error != NULL) {
        return error;
    }
    service_call_store(call, &change->op, stored);
    return NULL;
}

const struct service_method report_run_method = {
    .path = "/runs.v1.RunsService/ReportRun",
    .scope = SCOPE_RUNS_REPORT,
    .request_type = &runs__v1__report_run_request__descriptor,
    .call_bytes = sizeof(struct report_run_call),
    .serve = serve,
};
