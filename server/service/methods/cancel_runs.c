#include "base/core/container_of.h"
#include "base/core/request_id.h"
#include "rpc/server_long_poll.h"
#include "runs/v1/bulk.pb-c.h"
#include "server/domain/bulk_codec.h"
#include "server/domain/bulk_error.h"
#include "server/domain/bulk_validate.h"
#include "server/service/bulk_reply.h"
#include "server/service/call_cause.h"
#include "server/service/call_key.h"
#include "server/service/run_lease.h"
#include "server/service/service_method.h"
#include "storage/op/change_bulk.h"
#include "storage/op/create_bulk.h"
#include "storage/op/get_bulk.h"

// Field numbers: protos/runs/v1/bulk.proto.
enum { REQUEST_REQUEST_ID = 7 };

static const uint32_t left_out_of_key[] = {REQUEST_REQUEST_ID, 0};

enum {
    // Of an organization, that are not over.
    MOST_UNFINISHED = 16,
    // How long the reply waits until the runs are collected.
    WAIT_US = 2 * 1000 * 1000,
};

struct cancel_runs_call {
    struct service_call call;
    struct store_create_bulk create;
    struct store_change_bulk change; // of a plan
    struct store_get_bulk get;
    struct bulk_record known; // the job as a change left it
    struct bulk_wait wait;
    bool waits;
};

// --- the reply ---

static void looked(struct store_op *op) {
    struct cancel_runs_call *m = op->context;
    if (op->result == STORE_OK) {
        bulk_reply(&m->call, &m->get.ret, m->get.ret_sample, m->get.ret_sample_count);
    } else {
        bulk_reply(&m->call, &m->known, NULL, 0); // what was changed is; a look can fail
    }
}

// Replies with the job as it is now.
static void look_and_reply(struct cancel_runs_call *m) {
    m->get = (struct store_get_bulk){
        .op = {.kind = &store_get_bulk_kind, .arena = m->call.arena, .done = looked, .context = m},
        .organization = m->known.organization,
        .id = m->known.id,
        .sample = BULK_MOST_SAMPLE,
    };
    run_store_submit(m->call.service->store, &m->get.op);
}

// --- while runs are collected ---

static void waited(struct bulk_wait *wait) {
    look_and_reply(CONTAINER_OF(wait, struct cancel_runs_call, wait));
}

static void gone(void *context) {
    struct cancel_runs_call *m = context;
    bulk_waits_gone(bulk_runner_waits(m->call.service->bulks), &m->wait);
}

// Makes the call a long poll, if there is room: a cancel is not refused because others wait.
static void begin_wait(struct cancel_runs_call *m) {
    int64_t until_us = run_lease_wait_until_us(&m->call, WAIT_US);
    m->waits = until_us != 0 && call_limit_wait(&m->call.limit) &&
               rpc_server_long_poll_begin(m->call.rpc, gone, m);
    m->wait = (struct bulk_wait){.until_us = until_us, .ended = waited};
}

// The job is stored: it goes on by itself.
static void reply(struct cancel_runs_call *m, const struct bulk_record *known, bool is_replayed) {
    const struct service *service = m->call.service;
    m->known = *known;
    if (is_replayed) {
        call_key_mark_replayed(&m->call);
    }
    if (known->state == BULK_PLANNING && m->waits) {
        m->wait.organization = known->organization;
        m->wait.id = known->id;
        bulk_waits_add(bulk_runner_waits(service->bulks), &m->wait); // the call may be over by now
        bulk_runner_wake(service->bulks);
        return;
    }
    bulk_runner_wake(service->bulks);
    look_and_reply(m);
}

// --- a new job ---

static void created(struct service_call *call) {
    struct cancel_runs_call *m = CONTAINER_OF(call, struct cancel_runs_call, call);
    if (m->create.op.result == STORE_OK) {
        reply(m, &m->create.ret, m->create.ret_is_replayed);
    } else if (m->create.op.result == STORE_CONFLICT) {
        service_call_fail(call, bulk_error_limit(call->arena, MOST_UNFINISHED));
    } else {
        service_call_fail(call, error_new(call->arena, STATUS_INTERNAL, REASON_INTERNAL_ERROR,
                                          "an id was made twice; nothing was changed"));
    }
}

static const struct error *create(struct cancel_runs_call *m,
                                  const Runs__V1__CancelRunsRequest *request,
                                  const struct bulk_wish *wish) {
    struct service_call *call = &m->call;
    char *id = arena_alloc(call->arena, UUID_TEXT_SIZE);
    uuid_make(id);
    call->target = id;
    m->create = (struct store_create_bulk){
        .op = {.kind = &store_create_bulk_kind},
        .in =
            {
                .organization = call->organization,
                .id = slice_of_cstr(id),
                .is_dry_run = request->dry_run,
                .cascades = request->cascade,
                .has_filter = wish->has_filter,
                .filter = wish->filter,
                .cause = call_cause(call, request->reason),
                .created_at_us = service_now_us(call->service),
            },
        .ids = wish->ids,
        .id_count = wish->id_count,
        .most_unfinished = MOST_UNFINISHED,
    };
    const struct error *error =
        call_key_set(call, request->request_id, &request->base, left_out_of_key,
                     &m->create.idempotency, &m->create.in.cause);
    if (error != NULL) {
        return error;
    }
    if (wish->has_filter || (request->dry_run && request->cascade)) {
        begin_wait(m);
    }
    service_call_store(call, &m->create.op, created);
    return NULL;
}

// --- a plan ---

static void executed(struct service_call *call) {
    struct cancel_runs_call *m = CONTAINER_OF(call, struct cancel_runs_call, call);
    const struct store_change_bulk *change = &m->change;
    if (change->op.result == STORE_NOT_FOUND) {
        const char *id = arena_cstr(call->arena, change->id);
        service_call_fail(call, bulk_error_not_found(call->arena, id));
    } else if (change->op.result == STORE_CONFLICT) {
        service_call_fail(call, bulk_error_ended(call->arena, &change->ret, "executed"));
    } else {
        reply(m, &change->ret, change->ret_is_replayed);
    }
}

// A plan that is too old is still there for a moment, until it is removed.
static void found(struct service_call *call) {
    struct cancel_runs_call *m = CONTAINER_OF(call, struct cancel_runs_call, call);
    const struct bulk_record *bulk = &m->get.ret;
    if (m->get.op.result == STORE_OK && bulk->state == BULK_PLANNED &&
        run_instant_after(bulk->created_at_us, BULK_PLAN_LIFE_US) <= m->change.at_us) {
        service_call_fail(call, bulk_error_expired(call->arena, bulk));
    } else {
        service_call_store(call, &m->change.op, executed);
    }
}

static const struct error *execute(struct cancel_runs_call *m,
                                   const Runs__V1__CancelRunsRequest *request) {
    struct service_call *call = &m->call;
    call->target = request->plan;
    m->change = (struct store_change_bulk){
        .op = {.kind = &store_change_bulk_kind},
        .organization = call->organization,
        .id = slice_of_cstr(request->plan),
        .from = BULK_STATE_BIT(BULK_PLANNED),
        .to = BULK_RUNNING,
        .at_us = service_now_us(call->service),
        .cause = call_cause(call, request->reason),
    };
    m->get = (struct store_get_bulk){
        .op = {.kind = &store_get_bulk_kind},
        .organization = call->organization,
        .id = m->change.id,
    };
    const struct error *error =
        call_key_set(call, request->request_id, &request->base, left_out_of_key,
                     &m->change.idempotency, &m->change.cause);
    if (error == NULL) {
        service_call_store(call, &m->get.op, found);
    }
    return error;
}

static const struct error *serve(struct service_call *call, const void *message) {
    struct cancel_runs_call *m = CONTAINER_OF(call, struct cancel_runs_call, call);
    const Runs__V1__CancelRunsRequest *request = message;
    struct bulk_wish wish;
    const struct error *error = bulk_validate(call->arena, request, &wish);
    if (error != NULL) {
        return error;
    }
    return wish.plan != NULL ? execute(m, request) : create(m, request, &wish);
}

const struct service_method cancel_runs_method = {
    .path = "/runs.v1.RunsService/CancelRuns",
    .scope = SCOPE_RUNS_CANCEL,
    .request_type = &runs__v1__cancel_runs_request__descriptor,
    .call_bytes = sizeof(struct cancel_runs_call),
    .serve = serve,
};
