#include "base/core/container_of.h"
#include "base/core/wire.h"
#include "runs/v1/bulk.pb-c.h"
#include "server/domain/bulk_codec.h"
#include "server/domain/bulk_error.h"
#include "server/domain/bulk_validate.h"
#include "server/domain/page_token.h"
#include "server/domain/run_validate.h"
#include "server/service/service_method.h"
#include "storage/op/list_bulk_items.h"

// Field numbers: protos/runs/v1/bulk.proto.
enum { RESPONSE_OUTCOMES = 1, RESPONSE_NEXT_PAGE_TOKEN = 2 };

// A thousand of the longest ids, as the store has them and in the page.
enum { MOST_REPLY_BYTES = 512 << 10 };

struct list_bulk_cancel_outcomes_call {
    struct service_call call;
    struct store_list_bulk_items list;
};

// What a page token is bound to.
static struct slice filters_of(struct arena *a, const struct store_list_bulk_items *list) {
    return slice_of_cstr(arena_printf(a, "outcomes %x of bulkCancels/%.*s of %.*s",
                                      (unsigned)list->outcomes, SLICE_FMT(list->id),
                                      SLICE_FMT(list->organization)));
}

static void put_item(struct strbuf *b, const struct store_bulk_item *item) {
    struct strbuf one = STRBUF_INIT;
    bulk_put_item(&one, item);
    wire_put_bytes(b, RESPONSE_OUTCOMES, strbuf_slice(&one));
    strbuf_release(&one);
}

static void stored(struct service_call *call) {
    const struct store_list_bulk_items *list =
        &CONTAINER_OF(call, struct list_bulk_cancel_outcomes_call, call)->list;
    if (list->op.result == STORE_NOT_FOUND) {
        const char *id = arena_cstr(call->arena, list->id);
        service_call_fail(call, bulk_error_not_found(call->arena, id));
        return;
    }
    struct strbuf b = STRBUF_INIT;
    for (int i = 0; i < list->ret_count; i++) {
        put_item(&b, &list->ret_items[i]);
    }
    if (list->ret_has_more) {
        const struct store_cursor cursor = {.id = list->ret_after};
        const char *token = page_token_make(call->arena, call->service->store->secret,
                                            filters_of(call->arena, list), &cursor);
        wire_put_bytes(&b, RESPONSE_NEXT_PAGE_TOKEN, slice_of_cstr(token));
    }
    struct slice page = strbuf_slice(&b);
    service_call_reply(call, &page, 1);
    strbuf_release(&b);
}

static const struct error *read_request(struct service_call *call,
                                        const Runs__V1__ListBulkCancelOutcomesRequest *request,
                                        struct store_list_bulk_items *list) {
    struct arena *a = call->arena;
    const struct error *error = run_validate_id(a, "id", request->id);
    if (error == NULL) {
        error = bulk_validate_outcomes(a, request, &list->outcomes);
    }
    if (error == NULL) {
        error = page_size_read(a, request->page_size, &list->limit);
    }
    if (error != NULL) {
        return error;
    }
    list->organization = call->organization;
    list->id = slice_of_cstr(request->id);
    struct store_cursor cursor = {0};
    if (request->page_token[0] != '\0' &&
        !page_token_open(a, call->service->store->secret, filters_of(a, list), request->page_token,
                         &cursor)) {
        return page_token_error(a);
    }
    list->after = cursor.id;
    return NULL;
}

static const struct error *serve(struct service_call *call, const void *request) {
    struct store_list_bulk_items *list =
        &CONTAINER_OF(call, struct list_bulk_cancel_outcomes_call, call)->list;
    list->op.kind = &store_list_bulk_items_kind;
    const struct error *error = read_request(call, request, list);
    if (error != NULL) {
        return error;
    }
    service_call_store(call, &list->op, stored);
    return NULL;
}

const struct service_method list_bulk_cancel_outcomes_method = {
    .path = "/runs.v1.BulkCancelsService/ListBulkCancelOutcomes",
    .scope = SCOPE_RUNS_CANCEL,
    .is_read = true,
    .most_reply_bytes = MOST_REPLY_BYTES,
    .request_type = &runs__v1__list_bulk_cancel_outcomes_request__descriptor,
    .call_bytes = sizeof(struct list_bulk_cancel_outcomes_call),
    .serve = serve,
};
