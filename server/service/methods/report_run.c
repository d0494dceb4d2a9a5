#include <math.h>

#include "base/core/container_of.h"
#include "runs/v1/runs_service.pb-c.h"
#include "server/domain/message_guard.h"
#include "server/domain/run_errors.h"
#include "server/domain/run_size.h"
#include "server/domain/run_validate.h"
#include "server/service/run_change.h"
#include "server/service/service_method.h"

// Field numbers: protos/runs/v1/runs_service.proto.
enum { REQUEST_EXECUTION_STATE = 3 };

struct report_run_call {
    struct service_call call;
    struct store_transition_run change;
};

static void stored(struct service_call *call) {
    run_change_reply(call, &CONTAINER_OF(call, struct report_run_call, call)->change);
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

// What the report replaces beside the status.
static const struct error *set_values(struct service_call *call,
                                      const Runs__V1__ReportRunRequest *report,
                                      struct store_transition_run *t) {
    struct arena *a = call->arena;
    if (report->total_cu != NULL) {
        t->given |= RUN_FIELD_BIT(TOTAL_CU);
        t->fields.total_cu = report->total_cu->value;
        if (!isfinite(t->fields.total_cu) || t->fields.total_cu < 0) {
            return field_error(a, "totalCu", "must be finite and at least 0, got %g",
                               t->fields.total_cu);
        }
    }
    const struct error *error =
        run_validate_execution_state(a, "executionState", report->execution_state);
    if (error != NULL) {
        return error;
    }
    if (report->execution_state != NULL) {
        t->given |= RUN_FIELD_BIT(EXECUTION_STATE);
        t->fields.execution_state =
            message_field_bytes(rpc_server_call_request(call->rpc), REQUEST_EXECUTION_STATE);
    }
    return run_size_check(a, "executionState", t->fields.execution_state,
                          RUN_LARGEST_EXECUTION_STATE_BYTES);
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
        return field_error(call->arena, "status",
                           "must be running, waiting, success or failure, got %s",
                           run_status_word((int)report->status));
    }
    struct store_transition_run *change = &CONTAINER_OF(call, struct report_run_call, call)->change;
    run_change_set(call, event, report->reason, change);
    error = set_values(call, report, change);
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
