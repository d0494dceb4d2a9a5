#include "storage/op/acquire_runs.h"

#include "base/core/container_of.h"
#include "base/core/wire.h"
#include "rpc/server_long_poll.h"
#include "runs/v1/lease.pb-c.h"
#include "server/domain/lease_validate.h"
#include "server/domain/run_codec.h"
#include "server/domain/run_validate.h"
#include "server/service/call_cause.h"
#include "server/service/run_lease.h"
#include "server/service/service_method.h"

// Field numbers: protos/runs/v1/lease.proto.
enum { RESPONSE_RUNS = 1 };
enum { ACQUIRED_RUN = 1, ACQUIRED_ATTEMPT = 2, ACQUIRED_LEASE_END = 3 };

// Below the 4 MiB that a gRPC client takes by default. The first run may be larger.
enum { MOST_RUN_BYTES = 3 << 20, MOST_REPLY_BYTES = 4 << 20, RETRY_AFTER_MS = 1000 };

struct acquire_runs_call {
    struct service_call call;
    struct store_acquire_runs acquire;
    struct lease_wish wish;
    int64_t lease_end_us; // of what was acquired
    struct arena found;   // by the newest attempt
    struct open_wait wait;
};

static void put_run(struct strbuf *b, struct arena *a, const struct run_record *run,
                    int64_t lease_end_us) {
    struct slice parts[RUN_REPLY_PARTS];
    size_t count = run_reply_parts(a, run, parts);
    struct strbuf acquired = STRBUF_INIT;
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += parts[i].len;
    }
    wire_put_tag(&acquired, ACQUIRED_RUN, WIRE_BYTES);
    wire_put_varint(&acquired, bytes);
    for (size_t i = 0; i < count; i++) {
        strbuf_append_slice(&acquired, parts[i]);
    }
    wire_put_uint(&acquired, ACQUIRED_ATTEMPT, (uint64_t)run->attempt);
    wire_put_bytes(&acquired, ACQUIRED_LEASE_END, run_timestamp_encode(a, lease_end_us));
    wire_put_bytes(b, RESPONSE_RUNS, strbuf_slice(&acquired));
    strbuf_release(&acquired);
}

// Replies with the runs that were found; the call must not be touched after it.
static void reply(struct acquire_runs_call *m) {
    struct service_call *call = &m->call;
    struct arena found = m->found; // which outlives the call
    struct strbuf b = STRBUF_INIT;
    for (int i = 0; i < m->acquire.ret_count; i++) {
        put_run(&b, call->arena, &m->acquire.ret_runs[i], m->lease_end_us);
    }
    struct slice bytes = strbuf_slice(&b);
    service_call_reply(call, &bytes, 1);
    strbuf_release(&b);
    arena_release(&found);
}

static void fail(struct acquire_runs_call *m, const struct error *error) {
    struct arena found = m->found;
    service_call_fail(&m->call, error);
    arena_release(&found);
}

static void begin_leases(struct acquire_runs_call *m) {
    // Before they begin, so that none ends sooner than its holder is told.
    m->lease_end_us = service_now_us(m->call.service) + m->wish.duration_us;
    for (int i = 0; i < m->acquire.ret_count; i++) {
        run_lease_begun(&m->call, &m->acquire.ret_runs[i]);
    }
}

// An attempt of a call that waits.
static void tried(struct store_op *op) {
    struct acquire_runs_call *m = op->context;
    const struct error *error = service_call_store_error(&m->call, op);
    bool is_over = error != NULL || m->acquire.ret_count > 0;
    if (error == NULL) {
        begin_leases(m);
    }
    open_waits_tried(lease_keeper_open_waits(m->call.service->leases), &m->wait, is_over);
    if (error != NULL) {
        fail(m, error);
    } else if (is_over) {
        reply(m);
    }
}

static void attempt(struct open_wait *wait) {
    struct acquire_runs_call *m = CONTAINER_OF(wait, struct acquire_runs_call, wait);
    struct store_acquire_runs *acquire = &m->acquire;
    // A token that was revoked, or has expired, while the call waits gets nothing any more: the
    // organization's name may be another one's by then.
    const struct error *error = service_call_check_token(
        &m->call,
        "the token was revoked or has expired while the call waited; nothing was acquired");
    if (error != NULL) {
        open_waits_tried(lease_keeper_open_waits(m->call.service->leases), wait, true);
        fail(m, error);
        return;
    }
    arena_reset(&m->found);
    acquire->op = (struct store_op){
        .kind = &store_acquire_runs_kind,
        .arena = &m->found,
        .deadline_us = rpc_server_call_deadline_us(m->call.rpc),
        .done = tried,
        .context = m,
    };
    acquire->at_us = service_now_us(m->call.service);
    run_store_submit(m->call.service->store, &acquire->op);
}

static void ended(struct open_wait *wait, enum wait_end why) {
    struct acquire_runs_call *m = CONTAINER_OF(wait, struct acquire_runs_call, wait);
    struct arena *a = m->call.arena;
    struct error *e;
    switch (why) {
    case WAIT_TIMED_OUT:
        m->acquire.ret_count = 0;
        reply(m);
        return;
    case WAIT_GONE:
        e = error_new(a, STATUS_CANCELLED, REASON_REQUEST_CANCELLED,
                      "the caller went away; nothing was acquired");
        break;
    default:
        e = error_new(a, STATUS_UNAVAILABLE, REASON_SERVER_STOPPING,
                      "the server is stopping; nothing was acquired");
        e->retry_after_ms = RETRY_AFTER_MS;
        break;
    }
    fail(m, e);
}

static void gone(void *context) {
    struct acquire_runs_call *m = context;
    open_waits_gone(lease_keeper_open_waits(m->call.service->leases), &m->wait);
}

// A call that does not wait.
static void stored(struct service_call *call) {
    struct acquire_runs_call *m = CONTAINER_OF(call, struct acquire_runs_call, call);
    begin_leases(m);
    reply(m);
}

static void check_ids(struct violations *v, const Runs__V1__AcquireRunsRequest *request,
                      struct store_acquire_runs *acquire) {
    if (request->n_run_ids > LEASE_MOST_IDS) {
        violations_add(v, "runIds", "has %zu ids, at most %d are allowed", request->n_run_ids,
                       LEASE_MOST_IDS);
        return;
    }
    struct slice *ids = ARENA_ARRAY(v->arena, struct slice, request->n_run_ids);
    for (size_t i = 0; i < request->n_run_ids; i++) {
        run_validate_id_in(v, arena_printf(v->arena, "runIds[%zu]", i), request->run_ids[i]);
        ids[i] = slice_of_cstr(request->run_ids[i]);
    }
    acquire->ids = ids;
    acquire->id_count = (int)request->n_run_ids;
}

static const struct error *read_request(struct acquire_runs_call *m,
                                        const Runs__V1__AcquireRunsRequest *request,
                                        int64_t *ret_wait_us) {
    struct violations v = {.arena = m->call.arena};
    struct store_acquire_runs *acquire = &m->acquire;
    lease_validate_wish(&v, "lease", request->lease, &m->wish);
    if (request->max_runs < 0 || request->max_runs > LEASE_MOST_ACQUIRED) {
        violations_add(&v, "maxRuns", "must be from 0 to %d, got %d", LEASE_MOST_ACQUIRED,
                       (int)request->max_runs);
    }
    run_validate_workflow_id_in(&v, "workflowId", request->workflow_id);
    check_ids(&v, request, acquire);
    lease_validate_wait(&v, request->wait, ret_wait_us);
    acquire->op.kind = &store_acquire_runs_kind;
    acquire->organization = m->call.organization;
    acquire->workflow_id = slice_of_cstr(request->workflow_id);
    acquire->from = RUN_STATUS_ACTIVE;
    acquire->limit = request->max_runs > 0 ? request->max_runs : 1;
    acquire->most_bytes = MOST_RUN_BYTES;
    acquire->holder = m->wish.holder;
    acquire->lease_us = m->wish.duration_us;
    acquire->at_us = service_now_us(m->call.service);
    acquire->cause = call_cause(&m->call, "");
    return v.error;
}

static const struct error *serve(struct service_call *call, const void *request) {
    struct acquire_runs_call *m = CONTAINER_OF(call, struct acquire_runs_call, call);
    arena_init(&m->found);
    int64_t wait_us = 0;
    const struct error *error = read_request(m, request, &wait_us);
    if (error != NULL) {
        return error;
    }
    int64_t until_us = run_lease_wait_until_us(call, wait_us);
    if (until_us == 0) {
        service_call_store(call, &m->acquire.op, stored);
        return NULL;
    }
    if (!call_limit_wait(&call->limit)) {
        return call_limit_streams_error(call->service->limiter, call->arena, &call->identity);
    }
    if (!rpc_server_long_poll_begin(call->rpc, gone, m)) {
        struct error *e = error_new(call->arena, STATUS_RESOURCE_EXHAUSTED, REASON_QUEUE_FULL,
                                    "the server has %d calls that wait, its limit; nothing was "
                                    "acquired",
                                    rpc_server_long_poll_limit(call->rpc));
        e->retry_after_ms = RETRY_AFTER_MS;
        return e;
    }
    m->wait = (struct open_wait){
        .organization = call->organization,
        .workflow_id = m->acquire.workflow_id,
        .is_special = m->acquire.id_count > 0,
        .until_us = until_us,
        .attempt = attempt,
        .ended = ended,
    };
    open_waits_add(lease_keeper_open_waits(call->service->leases), &m->wait);
    return NULL;
}

const struct service_method acquire_runs_method = {
    .path = "/runs.v1.RunsService/AcquireRuns",
    .scope = SCOPE_RUNS_REPORT,
    .most_reply_bytes = MOST_REPLY_BYTES,
    .request_type = &runs__v1__acquire_runs_request__descriptor,
    .call_bytes = sizeof(struct acquire_runs_call),
    .serve = serve,
};
