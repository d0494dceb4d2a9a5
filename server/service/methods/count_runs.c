#include "storage/op/count_runs.h"

#include "base/core/container_of.h"
#include "base/core/wire.h"
#include "runs/v1/bulk.pb-c.h"
#include "server/domain/page_token.h"
#include "server/domain/run_validate.h"
#include "server/service/service_method.h"

// Field numbers: protos/runs/v1/bulk.proto.
enum {
    RESPONSE_TOTAL = 1,
    RESPONSE_BY_STATUS = 2,
    RESPONSE_BY_WORKFLOW = 3,
    RESPONSE_NEXT_PAGE_TOKEN = 4,
};
enum { STATUS_COUNT_STATUS = 1, STATUS_COUNT_COUNT = 2 };
enum { WORKFLOW_COUNT_ID = 1, WORKFLOW_COUNT_TOTAL = 2, WORKFLOW_COUNT_BY_STATUS = 3 };

// A thousand workflows with the longest ids, as the store has them and in the page.
enum { MOST_REPLY_BYTES = 4 << 20 };

struct count_runs_call {
    struct service_call call;
    struct store_count_runs count;
    uint32_t statuses;
    bool by_workflow; // also where it is the one of the filter, which the store need not look for
};

// What a page token is bound to.
static struct slice filters_of(struct arena *a, const struct count_runs_call *m) {
    return slice_of_cstr(arena_printf(a, "counts %x of %.*s", (unsigned)m->statuses,
                                      SLICE_FMT(m->count.organization)));
}

static int64_t total_of(const int64_t runs[RUN_STATUS_COUNT], uint32_t statuses) {
    int64_t total = 0;
    for (int status = 0; status < RUN_STATUS_COUNT; status++) {
        total += (statuses & RUN_STATUS_BIT(status)) != 0 ? runs[status] : 0;
    }
    return total;
}

// Appends a runs.v1.StatusCount for each of the statuses, as the field number.
static void put_statuses(struct strbuf *b, uint32_t number, const int64_t runs[RUN_STATUS_COUNT],
                         uint32_t statuses) {
    for (int status = 0; status < RUN_STATUS_COUNT; status++) {
        if ((statuses & RUN_STATUS_BIT(status)) != 0) {
            struct strbuf one = STRBUF_INIT;
            wire_put_uint(&one, STATUS_COUNT_STATUS, (uint64_t)status);
            wire_put_uint(&one, STATUS_COUNT_COUNT, (uint64_t)runs[status]);
            wire_put_bytes(b, number, strbuf_slice(&one));
            strbuf_release(&one);
        }
    }
}

// Appends the workflow, unless it has no run that is asked for.
static void put_workflow(struct strbuf *b, struct slice id, const int64_t runs[RUN_STATUS_COUNT],
                         uint32_t statuses) {
    int64_t total = total_of(runs, statuses);
    if (total == 0) {
        return;
    }
    struct strbuf one = STRBUF_INIT;
    wire_put_bytes(&one, WORKFLOW_COUNT_ID, id);
    wire_put_uint(&one, WORKFLOW_COUNT_TOTAL, (uint64_t)total);
    put_statuses(&one, WORKFLOW_COUNT_BY_STATUS, runs, statuses);
    wire_put_bytes(b, RESPONSE_BY_WORKFLOW, strbuf_slice(&one));
    strbuf_release(&one);
}

static void put_workflows(struct strbuf *b, const struct count_runs_call *m) {
    const struct store_count_runs *count = &m->count;
    if (m->by_workflow && !count->by_workflow) {
        put_workflow(b, count->workflow_id, count->ret_runs, m->statuses);
    }
    for (int i = 0; i < count->ret_count; i++) {
        put_workflow(b, count->ret_workflows[i].workflow_id, count->ret_workflows[i].runs,
                     m->statuses);
    }
}

static void stored(struct service_call *call) {
    const struct count_runs_call *m = CONTAINER_OF(call, struct count_runs_call, call);
    const struct store_count_runs *count = &m->count;
    struct strbuf b = STRBUF_INIT;
    wire_put_uint(&b, RESPONSE_TOTAL, (uint64_t)total_of(count->ret_runs, m->statuses));
    put_statuses(&b, RESPONSE_BY_STATUS, count->ret_runs, m->statuses);
    put_workflows(&b, m);
    if (count->ret_has_more) {
        const struct store_cursor cursor = {.id = count->ret_cursor};
        const char *token = page_token_make(call->arena, call->service->store->secret,
                                            filters_of(call->arena, m), &cursor);
        wire_put_bytes(&b, RESPONSE_NEXT_PAGE_TOKEN, slice_of_cstr(token));
    }
    struct slice reply = strbuf_slice(&b);
    service_call_reply(call, &reply, 1);
    strbuf_release(&b);
}

static const struct error *read_request(struct count_runs_call *m,
                                        const Runs__V1__CountRunsRequest *request) {
    struct arena *a = m->call.arena;
    struct store_count_runs *count = &m->count;
    const struct error *error =
        run_validate_statuses(a, request->status, request->n_status, &m->statuses);
    if (error == NULL) {
        struct violations v = {.arena = a};
        run_validate_workflow_id_in(&v, "workflowId", request->workflow_id);
        error = v.error;
    }
    if (error == NULL) {
        error = page_size_read(a, request->page_size, &count->limit);
    }
    if (error != NULL) {
        return error;
    }
    count->organization = m->call.organization;
    count->workflow_id = slice_of_cstr(request->workflow_id);
    m->by_workflow = request->by_workflow;
    count->by_workflow = request->by_workflow && request->workflow_id[0] == '\0';
    count->has_cursor = request->page_token[0] != '\0';
    struct store_cursor cursor = {0};
    if (count->has_cursor &&
        (!count->by_workflow || !page_token_open(a, m->call.service->store->secret,
                                                 filters_of(a, m), request->page_token, &cursor))) {
        return page_token_error(a);
    }
    count->cursor = cursor.id;
    return NULL;
}

static const struct error *serve(struct service_call *call, const void *request) {
    struct count_runs_call *m = CONTAINER_OF(call, struct count_runs_call, call);
    m->count.op.kind = &store_count_runs_kind;
    const struct error *error = read_request(m, request);
    if (error != NULL) {
        return error;
    }
    service_call_store(call, &m->count.op, stored);
    return NULL;
}

const struct service_method count_runs_method = {
    .path = "/runs.v1.RunsService/CountRuns",
    .scope = SCOPE_RUNS_READ,
    .is_read = true,
    .most_reply_bytes = MOST_REPLY_BYTES,
    .request_type = &runs__v1__count_runs_request__descriptor,
    .call_bytes = sizeof(struct count_runs_call),
    .serve = serve,
};
