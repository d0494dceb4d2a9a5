#include "base/core/container_of.h"
#include "base/core/wire.h"
#include "runs/v1/bulk.pb-c.h"
#include "server/domain/bulk_codec.h"
#include "server/domain/page_token.h"
#include "server/service/service_method.h"
#include "storage/op/list_bulks.h"

// Field numbers: protos/runs/v1/bulk.proto.
enum { RESPONSE_BULK_CANCELS = 1, RESPONSE_NEXT_PAGE_TOKEN = 2 };

// A thousand of the largest ones.
enum { MOST_REPLY_BYTES = 5 << 20 };

struct list_bulk_cancels_call {
    struct service_call call;
    struct store_list_bulks list;
};

// What a page token is bound to: an organization's list of these, and of nothing else.
static struct slice filters_of(struct arena *a, const struct store_list_bulks *list) {
    return slice_of_cstr(arena_printf(a, "bulkCancels of %.*s", SLICE_FMT(list->organization)));
}

static void put_bulk(struct strbuf *b, struct arena *a, const struct bulk_record *bulk) {
    struct strbuf one = STRBUF_INIT;
    bulk_put(&one, a, bulk, NULL, 0);
    wire_put_bytes(b, RESPONSE_BULK_CANCELS, strbuf_slice(&one));
    strbuf_release(&one);
}

static void stored(struct service_call *call) {
    const struct store_list_bulks *list =
        &CONTAINER_OF(call, struct list_bulk_cancels_call, call)->list;
    struct strbuf b = STRBUF_INIT;
    for (int i = 0; i < list->ret_count; i++) {
        put_bulk(&b, call->arena, &list->ret_bulks[i]);
    }
    if (list->ret_has_more) {
        const struct store_cursor cursor = {.started_at_us = list->ret_cursor.created_at_us,
                                            .id = list->ret_cursor.id};
        const char *token = page_token_make(call->arena, call->service->store->secret,
                                            filters_of(call->arena, list), &cursor);
        wire_put_bytes(&b, RESPONSE_NEXT_PAGE_TOKEN, slice_of_cstr(token));
    }
    struct slice page = strbuf_slice(&b);
    service_call_reply(call, &page, 1);
    strbuf_release(&b);
}

static const struct error *serve(struct service_call *call, const void *message) {
    const Runs__V1__ListBulkCancelsRequest *request = message;
    struct store_list_bulks *list = &CONTAINER_OF(call, struct list_bulk_cancels_call, call)->list;
    list->op.kind = &store_list_bulks_kind;
    list->organization = call->organization;
    const struct error *error = page_size_read(call->arena, request->page_size, &list->limit);
    if (error != NULL) {
        return error;
    }
    list->has_cursor = request->page_token[0] != '\0';
    struct store_cursor cursor;
    if (list->has_cursor) {
        if (!page_token_open(call->arena, call->service->store->secret,
                             filters_of(call->arena, list), request->page_token, &cursor)) {
            return page_token_error(call->arena);
        }
        list->cursor.created_at_us = cursor.started_at_us;
        list->cursor.id = cursor.id;
    }
    service_call_store(call, &list->op, stored);
    return NULL;
}

const struct service_method list_bulk_cancels_method = {
    .path = "/runs.v1.BulkCancelsService/ListBulkCancels",
    .scope = SCOPE_RUNS_CANCEL,
    .is_read = true,
    .most_reply_bytes = MOST_REPLY_BYTES,
    .request_type = &runs__v1__list_bulk_cancels_request__descriptor,
    .call_bytes = sizeof(struct list_bulk_cancels_call),
    .serve = serve,
};
