#include "server/service/runs_service.h"

#include <math.h>

#include "base/core/request_id.h"
#include "base/core/wire.h"
#include "runs/v1/runs_service.pb-c.h"
#include "server/domain/message_guard.h"
#include "server/domain/run_codec.h"
#include "server/domain/run_errors.h"
#include "server/domain/run_state.h"
#include "server/domain/run_validate.h"
#include "server/service/service_call.h"

enum {
    // Together below the 4 MiB that a gRPC client takes by default, so that
    // every run that was created can be read.
    LONGEST_SPEC_BYTES = 3 * 1024 * 1024,
    LONGEST_EXECUTION_STATE_BYTES = 960 * 1024,
};

void runs_service_methods(struct service *service, struct rpc_method *ret_methods) {
    const struct rpc_method methods[RUNS_SERVICE_METHODS] = {
        {.path = "/runs.v1.RunsService/CreateRun",
         .handle = runs_service_create_run,
         .service = service},
        {.path = "/runs.v1.RunsService/GetRun",
         .handle = runs_service_get_run,
         .service = service,
         .is_read = true},
        {.path = "/runs.v1.RunsService/ListRuns",
         .handle = runs_service_list_runs,
         .service = service,
         .most_reply_bytes = RUNS_LIST_MOST_BYTES,
         .is_read = true},
        {.path = "/runs.v1.RunsService/CancelRun",
         .handle = runs_service_cancel_run,
         .service = service},
        {.path = "/runs.v1.RunsService/ReportRun",
         .handle = runs_service_report_run,
         .service = service},
        {.path = "/runs.v1.RunsService/ListRunEvents",
         .handle = runs_service_list_run_events,
         .service = service,
         .is_read = true},
    };
    memcpy(ret_methods, methods, sizeof(methods));
}

static void reply_run(struct service_call *call, const struct run_record *run) {
    struct slice parts[RUN_REPLY_PARTS];
    size_t count = run_reply_parts(call->arena, run, parts);
    service_call_reply(call, parts, count);
}

// The bytes of a field that occurs once at most; the message was checked.
static struct slice field_bytes(struct slice message, uint32_t number) {
    const uint8_t *p = message.data;
    const uint8_t *end = p + message.len;
    struct wire_field f;
    while (p < end && wire_read_field(&p, end, &f)) {
        if (f.number == number && f.type == WIRE_BYTES) {
            return f.bytes;
        }
    }
    return SLICE_EMPTY;
}

static const struct error *check_size(struct arena *a, const char *field, struct slice bytes,
                                      size_t most) {
    if (bytes.len <= most) {
        return NULL;
    }
    return field_error(a, field, "has %zu bytes, at most %zu are allowed", bytes.len, most);
}

// --- CreateRun ---

static void run_created(struct service_call *call) {
    if (call->op.result == STORE_EXISTS) {
        service_call_fail(call, run_error_exists(call->arena, call->run_id));
    } else {
        reply_run(call, &call->op.create.ret);
    }
}

static const struct error *decide_create(struct service_call *call, struct slice request) {
    struct arena *a = call->arena;
    ProtobufCMessage *message = NULL;
    const struct error *error =
        message_unpack(a, &runs__v1__create_run_request__descriptor, request, &message);
    if (error != NULL) {
        return error;
    }
    const Runs__V1__Run *run = ((const Runs__V1__CreateRunRequest *)message)->run;
    if (run == NULL) {
        return field_error(a, "run", "is required");
    }
    error = run_validate_new(a, run, call->organization);
    if (error != NULL) {
        return error;
    }
    char *fresh_id = arena_alloc(a, UUID_TEXT_SIZE);
    uuid_make(fresh_id);
    call->run_id = run->id[0] != '\0' ? run->id : fresh_id;

    struct store_create *create = &call->op.create;
    call->op.kind = STORE_CREATE;
    struct run_record *in = &create->in;
    in->organization = call->organization;
    in->id = slice_of_cstr(call->run_id);
    in->status = RUN_RUNNING;
    in->started_at_us = service_now_us(call->service);
    in->workflow_id = slice_of_cstr(run->workflow_id);
    const char *triggered_by =
        run->triggered_by[0] != '\0' ? run->triggered_by : call->identity.name;
    const char *trigger_source = run->trigger_source[0] != '\0' ? run->trigger_source : "api";
    const struct run_provenance provenance = {
        .id = in->id,
        .organization = in->organization,
        .started_at_us = in->started_at_us,
        .trigger_source = slice_of_cstr(trigger_source),
        .triggered_by = slice_of_cstr(triggered_by),
    };
    in->spec = run_spec_encode(a, field_bytes(request, 1), &provenance, &in->execution_state);
    create->actor = slice_of_cstr(call->identity.name);
    error = check_size(a, "run", in->spec, LONGEST_SPEC_BYTES);
    if (error == NULL) {
        error =
            check_size(a, "run.executionState", in->execution_state, LONGEST_EXECUTION_STATE_BYTES);
    }
    return error;
}

void runs_service_create_run(void *service, struct rpc_server_call *rpc) {
    service_call_serve(service, rpc, SCOPE_RUNS_CREATE, decide_create, run_created);
}

// --- GetRun ---

static void run_read(struct service_call *call) {
    if (call->op.result == STORE_NOT_FOUND) {
        service_call_fail(call, run_error_not_found(call->arena, call->run_id));
    } else {
        reply_run(call, &call->op.get.ret);
    }
}

static const struct error *decide_get(struct service_call *call, struct slice request) {
    ProtobufCMessage *message = NULL;
    const struct error *error =
        message_unpack(call->arena, &runs__v1__get_run_request__descriptor, request, &message);
    if (error != NULL) {
        return error;
    }
    call->run_id = ((const Runs__V1__GetRunRequest *)message)->id;
    call->op.kind = STORE_GET;
    call->op.get.organization = call->organization;
    call->op.get.id = slice_of_cstr(call->run_id);
    return run_validate_id(call->arena, "id", call->run_id);
}

void runs_service_get_run(void *service, struct rpc_server_call *rpc) {
    service_call_serve(service, rpc, SCOPE_RUNS_READ, decide_get, run_read);
}

// --- CancelRun, ReportRun ---

static void run_changed(struct service_call *call) {
    const struct run_record *run = &call->op.transition.ret;
    if (call->op.result == STORE_NOT_FOUND) {
        service_call_fail(call, run_error_not_found(call->arena, call->run_id));
    } else if (call->op.result == STORE_CONFLICT) {
        service_call_fail(call, run_error_finished(call->arena, call->run_id, run));
    } else {
        reply_run(call, run);
    }
}

// The compare-and-set of an event: from whatever status the table lets it start.
static void set_transition(struct service_call *call, enum run_event_kind event,
                           const char *reason) {
    call->op.kind = STORE_TRANSITION;
    struct store_transition *t = &call->op.transition;
    t->organization = call->organization;
    t->id = slice_of_cstr(call->run_id);
    t->from = run_state_sources(event);
    t->to = run_state_target(event);
    t->final = run_status_is_final((int)t->to);
    t->at_us = service_now_us(call->service);
    t->actor = slice_of_cstr(call->identity.name);
    t->reason = slice_of_cstr(reason);
}

static const struct error *decide_cancel(struct service_call *call, struct slice request) {
    ProtobufCMessage *message = NULL;
    const struct error *error =
        message_unpack(call->arena, &runs__v1__cancel_run_request__descriptor, request, &message);
    if (error != NULL) {
        return error;
    }
    const Runs__V1__CancelRunRequest *cancel = (const Runs__V1__CancelRunRequest *)message;
    call->run_id = cancel->id;
    set_transition(call, RUN_EVENT_CANCEL, cancel->reason);
    error = run_validate_id(call->arena, "id", cancel->id);
    return error != NULL ? error : run_validate_reason(call->arena, cancel->reason);
}

void runs_service_cancel_run(void *service, struct rpc_server_call *rpc) {
    service_call_serve(service, rpc, SCOPE_RUNS_CANCEL, decide_cancel, run_changed);
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

static const struct error *decide_report(struct service_call *call, struct slice request) {
    struct arena *a = call->arena;
    ProtobufCMessage *message = NULL;
    const struct error *error =
        message_unpack(a, &runs__v1__report_run_request__descriptor, request, &message);
    if (error != NULL) {
        return error;
    }
    const Runs__V1__ReportRunRequest *report = (const Runs__V1__ReportRunRequest *)message;
    call->run_id = report->id;
    error = run_validate_id(a, "id", report->id);
    if (error == NULL) {
        error = run_validate_reason(a, report->reason);
    }
    if (error != NULL) {
        return error;
    }
    enum run_event_kind event;
    if (!event_of_report((int)report->status, &event)) {
        return field_error(a, "status", "must be running, waiting, success or failure, got %s",
                           run_status_word((int)report->status));
    }
    set_transition(call, event, report->reason);
    struct store_transition *t = &call->op.transition;
    if (report->total_cu != NULL) {
        t->set_total_cu = true;
        t->total_cu = report->total_cu->value;
        if (!isfinite(t->total_cu) || t->total_cu < 0) {
            return field_error(a, "totalCu", "must be finite and at least 0, got %g", t->total_cu);
        }
    }
    error = run_validate_execution_state(a, "executionState", report->execution_state);
    if (error != NULL) {
        return error;
    }
    if (report->execution_state != NULL) {
        t->set_execution_state = true;
        t->execution_state = field_bytes(request, 3);
    }
    return check_size(a, "executionState", t->execution_state, LONGEST_EXECUTION_STATE_BYTES);
}

void runs_service_report_run(void *service, struct rpc_server_call *rpc) {
    service_call_serve(service, rpc, SCOPE_RUNS_REPORT, decide_report, run_changed);
}
