#include "storage/op/list_runs.h"

#include "base/core/container_of.h"
#include "base/core/wire.h"
#include "runs/v1/runs_service.pb-c.h"
#include "server/domain/feed_cursor.h"
#include "server/domain/page_token.h"
#include "server/domain/run_codec.h"
#include "server/domain/run_error.h"
#include "server/domain/run_validate.h"
#include "server/service/service_method.h"

enum {
    // A page ends before it outgrows what a gRPC client takes by default.
    PAGE_BYTES = 3 * 1024 * 1024,
    // The runs as the store has them, and the page made of them.
    MOST_REPLY_BYTES = 8 << 20,
};

// Field numbers: protos/runs/v1/runs_service.proto.
enum { RESPONSE_RUNS = 1, RESPONSE_NEXT_PAGE_TOKEN = 2, RESPONSE_WATCH_CURSOR = 3 };

struct list_runs_call {
    struct service_call call;
    struct store_list_runs list;
    bool wants_cursor;
};

// What a page token is bound to. The numbers are the token's own, not the request's: a
// change makes tokens that clients hold invalid.
enum {
    FILTER_ORGANIZATION = 1,
    FILTER_STATUS = 2,
    FILTER_WORKFLOW_ID = 3,
    FILTER_STARTED_AFTER = 4,
    FILTER_STARTED_BEFORE = 5,
};

static struct slice filters_of(struct arena *a, const struct store_list_runs *list) {
    struct strbuf b = STRBUF_INIT;
    wire_put_bytes(&b, FILTER_ORGANIZATION, list->organization);
    wire_put_uint(&b, FILTER_STATUS, list->status);
    wire_put_bytes(&b, FILTER_WORKFLOW_ID, list->workflow_id);
    wire_put_fixed64(&b, FILTER_STARTED_AFTER, (uint64_t)list->started_after_us);
    wire_put_fixed64(&b, FILTER_STARTED_BEFORE, (uint64_t)list->started_before_us);
    struct slice filters = arena_copy(a, strbuf_slice(&b));
    strbuf_release(&b);
    return filters;
}

// From before the runs were read: so a watch from there on misses none of their changes.
static void put_watch_cursor(struct strbuf *b, struct service_call *call, int64_t revision) {
    const struct run_store *store = call->service->store;
    const struct feed_position position = {.epoch = store->epoch, .revision = revision};
    const char *text = feed_cursor_make(call->arena, store->secret, call->organization, position);
    wire_put_bytes(b, RESPONSE_WATCH_CURSOR, slice_of_cstr(text));
}

static void stored(struct service_call *call) {
    const struct list_runs_call *mine = CONTAINER_OF(call, struct list_runs_call, call);
    const struct store_list_runs *list = &mine->list;
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
        wire_put_tag(&b, RESPONSE_RUNS, WIRE_BYTES);
        wire_put_varint(&b, bytes);
        for (size_t k = 0; k < count; k++) {
            strbuf_append_slice(&b, parts[k]);
        }
    }
    if (has_more) {
        const char *token = page_token_make(call->arena, call->service->store->secret,
                                            filters_of(call->arena, list), &cursor);
        wire_put_bytes(&b, RESPONSE_NEXT_PAGE_TOKEN, slice_of_cstr(token));
    }
    if (mine->wants_cursor) {
        put_watch_cursor(&b, call, list->ret_newest_revision);
    }
    struct slice page = strbuf_slice(&b);
    service_call_reply(call, &page, 1);
    strbuf_release(&b);
}

static const struct error *read_instant(struct arena *a, const char *field,
                                        const Google__Protobuf__Timestamp *t, int64_t *ret_us) {
    if (t != NULL && !run_timestamp_decode(t, ret_us)) {
        return run_error_field(a, field, "must be a time in the years 1 to 9999");
    }
    return NULL;
}

static const struct error *read_page(struct service_call *call,
                                     const Runs__V1__ListRunsRequest *request,
                                     struct store_list_runs *list) {
    struct arena *a = call->arena;
    const struct error *error = page_size_read(a, request->page_size, &list->limit);
    if (error != NULL) {
        return error;
    }
    list->has_cursor = request->page_token[0] != '\0';
    if (list->has_cursor && !page_token_open(a, call->service->store->secret, filters_of(a, list),
                                             request->page_token, &list->cursor)) {
        return page_token_error(a);
    }
    return NULL;
}

static const struct error *read_list(struct service_call *call,
                                     const Runs__V1__ListRunsRequest *request,
                                     struct store_list_runs *list) {
    struct arena *a = call->arena;
    list->organization = call->organization;
    list->workflow_id = slice_of_cstr(request->workflow_id);
    list->started_after_us = INT64_MIN;
    list->started_before_us = INT64_MAX;
    const struct error *error =
        run_validate_statuses(a, request->status, request->n_status, &list->status);
    if (error == NULL) {
        error = read_instant(a, "startedAfter", request->started_after, &list->started_after_us);
    }
    if (error == NULL) {
        error = read_instant(a, "startedBefore", request->started_before, &list->started_before_us);
    }
    return error != NULL ? error : read_page(call, request, list);
}

static const struct error *serve(struct service_call *call, const void *message) {
    const Runs__V1__ListRunsRequest *request = message;
    struct list_runs_call *mine = CONTAINER_OF(call, struct list_runs_call, call);
    struct store_list_runs *list = &mine->list;
    list->op.kind = &store_list_runs_kind;
    const struct error *error = read_list(call, request, list);
    if (error != NULL) {
        return error;
    }
    // Later pages are read later: a watch from there would miss what changed between.
    mine->wants_cursor = request->watch_cursor && !list->has_cursor;
    service_call_store(call, &list->op, stored);
    return NULL;
}

const struct service_method list_runs_method = {
    .path = "/runs.v1.RunsService/ListRuns",
    .scope = SCOPE_RUNS_READ,
    .is_read = true,
    .most_reply_bytes = MOST_REPLY_BYTES,
    .request_type = &runs__v1__list_runs_request__descriptor,
    .call_bytes = sizeof(struct list_runs_call),
    .serve = serve,
};
