#include "base/core/container_of.h"
#include "server/domain/message_guard.h"
#include "server/service/organization_reply.h"
#include "server/service/service_method.h"
#include "server/service/token_reply.h"
#include "storage/op/store_stats.h"

struct get_store_stats_call {
    struct service_call call;
    struct store_store_stats stats;
};

static void stored(struct service_call *call) {
    const struct store_sizes *sizes =
        &CONTAINER_OF(call, struct get_store_stats_call, call)->stats.ret;
    Runs__V1__StoreStats stats = RUNS__V1__STORE_STATS__INIT;
    stats.organizations = sizes->organizations;
    stats.runs = organization_reply_runs(call->arena, sizes->runs, &stats.n_runs);
    stats.events = sizes->events;
    stats.oldest_event_at = token_reply_instant(call->arena, sizes->oldest_event_at_us);
    stats.keys = sizes->keys;
    stats.bulk_cancels = sizes->jobs;
    stats.bytes = sizes->bytes;
    stats.free_bytes = sizes->free_bytes;
    struct slice bytes = message_pack(call->arena, &stats.base);
    service_call_reply(call, &bytes, 1);
}

static const struct error *serve(struct service_call *call, const void *request) {
    (void)request;
    struct get_store_stats_call *m = CONTAINER_OF(call, struct get_store_stats_call, call);
    m->stats.op.kind = &store_store_stats_kind;
    service_call_store(call, &m->stats.op, stored);
    return NULL;
}

const struct service_method get_store_stats_method = {
    .path = "/runs.v1.OrganizationsService/GetStoreStats",
    .scope = SCOPE_ORGANIZATIONS_ADMIN,
    .is_read = true,
    .request_type = &runs__v1__get_store_stats_request__descriptor,
    .call_bytes = sizeof(struct get_store_stats_call),
    .serve = serve,
};
