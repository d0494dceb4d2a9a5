#include "base/core/wire.h"
#include "runs/v1/runs_service.pb-c.h"
#include "server/domain/message_guard.h"
#include "server/domain/page_token.h"
#include "server/domain/run_codec.h"
#include "server/domain/run_errors.h"
#include "server/domain/run_state.h"
#include "server/domain/run_validate.h"
#include "server/service/runs_service.h"
#include "server/service/service_call.h"

// The methods that answer with many: ListRuns and ListRunEvents.

enum {
    DEFAULT_PAGE_SIZE = 50,
    LARGEST_PAGE_SIZE = 1000,
    LARGEST_EVENT_COUNT = 1000,
    // A page ends before it outgrows what a gRPC client takes by default.
    PAGE_BYTES = 3 * 1024 * 1024,
};

// --- ListRuns ---

// What a page token is bound to: the organization and the filters.
static struct slice filters_of(struct arena *a, const struct store_list *list) {
    struct strbuf b = STRBUF_INIT;
    wire_put_bytes(&b, 1, list->organization);
    wire_put_uint(&b, 2, list->status);
    wire_put_bytes(&b, 3, list->workflow_id);
    wire_put_fixed64(&b, 4, (uint64_t)list->started_after_us);
    wire_put_fixed64(&b, 5, (uint64_t)list->started_before_us);
    struct slice filters = arena_copy(a, strbuf_slice(&b));
    strbuf_release(&b);
    return filters;
}

static void runs_listed(struct service_call *call) {
    const struct store_list *list = &call->op.list;
    struct strbuf b = STRBUF_INIT;
    bool has_more = list->ret_has_more;
    struct store_cursor cursor = list->ret_cursor;
    for (int i = 0; i < list->ret_count; i++) {
        const struct run_record *run = &list->ret_runs[i];
        struct slice parts[RUN_REPLY_PARTS];
        size_t count = run_reply_parts(call->arena, run, parts);
        size_t bytes = 0;
        for (size_t k = 0; k < count; k++) {
            bytes += parts[k].len;
        }
        if (i > 0 && b.len + bytes > PAGE_BYTES) {
            has_more = true;
            cursor.started_at_us = list->ret_runs[i - 1].started_at_us;
            cursor.id = list->ret_runs[i - 1].id;
            break;
        }
        wire_put_tag(&b, 1, WIRE_BYTES);
        wire_put_varint(&b, bytes);
        for (size_t k = 0; k < count; k++) {
            strbuf_append_slice(&b, parts[k]);
        }
    }
    if (has_more) {
        const char *token = page_token_make(call->arena, call->service->store->secret,
                                            filters_of(call->arena, list), &cursor);
        wire_put_bytes(&b, 2, slice_of_cstr(token));
    }
    struct slice page = strbuf_slice(&b);
    service_call_reply(call, &page, 1);
    strbuf_release(&b);
}

static const struct error *read_instant(struct arena *a, const char *field,
                                        const Google__Protobuf__Timestamp *t, int64_t *ret_us) {
    if (t != NULL && !timestamp_from_message(t, ret_us)) {
        return field_error(a, field, "is no instant of the years 1 to 9999");
    }
    return NULL;
}

static const struct error *read_statuses(struct arena *a, const Runs__V1__ListRunsRequest *request,
                                         uint32_t *ret_statuses) {
    uint32_t statuses = 0;
    for (size_t i = 0; i < request->n_status; i++) {
        int status = (int)request->status[i];
        if (status < RUN_RUNNING || status > RUN_CANCELLED) {
            return field_error(a, "status",
                               "must be running, waiting, success, failure or cancelled, got %d",
                               status);
        }
        statuses |= RUN_STATUS_BIT(status);
    }
    *ret_statuses = statuses != 0 ? statuses : RUN_STATUS_ALL;
    return NULL;
}

static const struct error *read_page(struct service_call *call,
                                     const Runs__V1__ListRunsRequest *request,
                                     struct store_list *list) {
    struct arena *a = call->arena;
    if (request->page_size < 0) {
        return field_error(a, "pageSize", "must be at least 0, got %d", request->page_size);
    }
    list->limit = request->page_size == 0                  ? DEFAULT_PAGE_SIZE
                  : request->page_size > LARGEST_PAGE_SIZE ? LARGEST_PAGE_SIZE
                                                           : request->page_size;
    list->has_cursor = request->page_token[0] != '\0';
    if (list->has_cursor && !page_token_open(a, call->service->store->secret, filters_of(a, list),
                                             request->page_token, &list->cursor)) {
        return field_error(a, "pageToken",
                           "is not one that this list gave for the same filters; start anew "
                           "without it");
    }
    return NULL;
}

static const struct error *decide_list(struct service_call *call, struct slice bytes) {
    struct arena *a = call->arena;
    ProtobufCMessage *message = NULL;
    const struct error *error =
        message_unpack(a, &runs__v1__list_runs_request__descriptor, bytes, &message);
    if (error != NULL) {
        return error;
    }
    const Runs__V1__ListRunsRequest *request = (const Runs__V1__ListRunsRequest *)message;
    call->op.kind = STORE_LIST;
    struct store_list *list = &call->op.list;
    list->organization = call->organization;
    list->workflow_id = slice_of_cstr(request->workflow_id);
    list->started_after_us = INT64_MIN;
    list->started_before_us = INT64_MAX;
    error = read_statuses(a, request, &list->status);
    if (error == NULL) {
        error = read_instant(a, "startedAfter", request->started_after, &list->started_after_us);
    }
    if (error == NULL) {
        error = read_instant(a, "startedBefore", request->started_before, &list->started_before_us);
    }
    return error != NULL ? error : read_page(call, request, list);
}

void runs_service_list_runs(void *service, struct rpc_server_call *rpc) {
    service_call_serve(service, rpc, SCOPE_RUNS_READ, decide_list, runs_listed);
}

// --- ListRunEvents ---

static void put_event(struct strbuf *b, struct service_call *call, const struct run_event *event) {
    struct strbuf e = STRBUF_INIT;
    wire_put_bytes(&e, 1, call->op.events.id);
    wire_put_uint(&e, 2, (uint64_t)event->sequence);
    wire_put_uint(&e, 3, (uint64_t)event->from);
    wire_put_uint(&e, 4, (uint64_t)event->to);
    wire_put_bytes(&e, 5, run_timestamp_encode(call->arena, event->at_us));
    wire_put_bytes(&e, 6, event->actor);
    wire_put_bytes(&e, 7, event->reason);
    wire_put_bytes(b, 1, strbuf_slice(&e));
    strbuf_release(&e);
}

static void events_listed(struct service_call *call) {
    if (call->op.result == STORE_NOT_FOUND) {
        service_call_fail(call, run_error_not_found(call->arena, call->run_id));
        return;
    }
    struct strbuf b = STRBUF_INIT;
    for (int i = 0; i < call->op.events.ret_count; i++) {
        put_event(&b, call, &call->op.events.ret_events[i]);
    }
    struct slice reply = strbuf_slice(&b);
    service_call_reply(call, &reply, 1);
    strbuf_release(&b);
}

static const struct error *decide_events(struct service_call *call, struct slice request) {
    ProtobufCMessage *message = NULL;
    const struct error *error = message_unpack(
        call->arena, &runs__v1__list_run_events_request__descriptor, request, &message);
    if (error != NULL) {
        return error;
    }
    call->run_id = ((const Runs__V1__ListRunEventsRequest *)message)->id;
    call->op.kind = STORE_EVENTS;
    call->op.events.organization = call->organization;
    call->op.events.id = slice_of_cstr(call->run_id);
    call->op.events.limit = LARGEST_EVENT_COUNT;
    return run_validate_id(call->arena, "id", call->run_id);
}

void runs_service_list_run_events(void *service, struct rpc_server_call *rpc) {
    service_call_serve(service, rpc, SCOPE_RUNS_READ, decide_events, events_listed);
}
