#include "base/core/container_of.h"
#include "runs/v1/runs_service.pb-c.h"
#include "server/domain/run_event_codec.h"
#include "server/domain/run_validate.h"
#include "server/service/run_reply.h"
#include "server/service/service_method.h"
#include "storage/op/list_events.h"

enum { LARGEST_EVENT_COUNT = 1000 };

// Field numbers: protos/runs/v1/runs_service.proto.
enum { RESPONSE_EVENTS = 1 };

struct list_run_events_call {
    struct service_call call;
    struct store_list_events events;
};

static void stored(struct service_call *call) {
    const struct store_list_events *list =
        &CONTAINER_OF(call, struct list_run_events_call, call)->events;
    if (list->op.result == STORE_NOT_FOUND) {
        run_reply_not_found(call);
        return;
    }
    struct strbuf b = STRBUF_INIT;
    for (int i = 0; i < list->ret_count; i++) {
        run_event_put(&b, call->arena, RESPONSE_EVENTS, list->id, &list->ret_events[i]);
    }
    struct slice reply = strbuf_slice(&b);
    service_call_reply(call, &reply, 1);
    strbuf_release(&b);
}

static const struct error *serve(struct service_call *call, const void *request) {
    call->run_id = ((const Runs__V1__ListRunEventsRequest *)request)->id;
    const struct error *error = run_validate_id(call->arena, "id", call->run_id);
    if (error != NULL) {
        return error;
    }
    struct store_list_events *list = &CONTAINER_OF(call, struct list_run_events_call, call)->events;
    list->op.kind = &store_list_events_kind;
    list->organization = call->organization;
    list->id = slice_of_cstr(call->run_id);
    list->limit = LARGEST_EVENT_COUNT;
    service_call_store(call, &list->op, stored);
    return NULL;
}

const struct service_method list_run_events_method = {
    .path = "/runs.v1.RunsService/ListRunEvents",
    .scope = SCOPE_RUNS_READ,
    .is_read = true,
    .request_type = &runs__v1__list_run_events_request__descriptor,
    .call_bytes = sizeof(struct list_run_events_call),
    .serve = serve,
};
