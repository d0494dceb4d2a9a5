#include "server/service/organization_reply.h"

#include "server/domain/message_guard.h"
#include "server/service/token_reply.h"

Runs__V1__StatusCount **
organization_reply_runs(struct arena *a, const int64_t runs[RUN_STATUS_COUNT], size_t *ret_count) {
    Runs__V1__StatusCount **counts = ARENA_ARRAY(a, Runs__V1__StatusCount *, RUN_STATUS_COUNT);
    size_t count = 0;
    for (int status = RUN_RUNNING; status < RUN_STATUS_COUNT; status++) {
        Runs__V1__StatusCount *one = ARENA_NEW(a, Runs__V1__StatusCount);
        runs__v1__status_count__init(one);
        one->status = (Runs__V1__RunStatus)status;
        one->count = runs[status];
        counts[count++] = one;
    }
    *ret_count = count;
    return counts;
}

bool organization_reply_is_there(const struct store_get_organization *get) {
    const struct store_organization *o = &get->ret;
    int64_t runs = 0;
    for (int status = RUN_RUNNING; status < RUN_STATUS_COUNT; status++) {
        runs += o->runs[status];
    }
    return get->op.result == STORE_OK &&
           (o->tokens > 0 || runs > 0 || o->frozen_at_us != 0 || o->revision > o->floor);
}

Runs__V1__Organization *organization_reply_message(struct arena *a, const char *name,
                                                   const struct store_organization *organization,
                                                   const struct store_quota *quota) {
    Runs__V1__Organization *message = ARENA_NEW(a, Runs__V1__Organization);
    runs__v1__organization__init(message);
    message->name = arena_cstr(a, slice_of_cstr(name));
    message->frozen_at = token_reply_instant(a, organization->frozen_at_us);
    message->revision = organization->revision;
    message->floor_revision = organization->floor;
    message->runs = organization_reply_runs(a, organization->runs, &message->n_runs);
    message->tokens = organization->tokens;
    message->open_runs = store_open_runs(organization->runs);
    message->most_open_runs = quota->open_runs;
    message->stored_bytes = organization->stored_bytes;
    message->most_stored_bytes = quota->stored_bytes;
    return message;
}

void organization_reply(struct service_call *call, const struct store_get_organization *get) {
    const char *name = (const char *)get->name.data;
    if (!organization_reply_is_there(get)) {
        service_call_fail(call, organization_reply_not_found(call->arena, name));
        return;
    }
    const Runs__V1__Organization *message =
        organization_reply_message(call->arena, name, &get->ret, &call->service->quota);
    struct slice bytes = message_pack(call->arena, &message->base);
    service_call_reply(call, &bytes, 1);
}

static const struct error *about(struct error *e, const char *name) {
    e->resource_type = "runs.v1.Organization";
    e->resource_name = name;
    return e;
}

const struct error *organization_reply_not_found(struct arena *a, const char *name) {
    return about(error_new(a, STATUS_NOT_FOUND, REASON_ORGANIZATION_NOT_FOUND,
                           "the organization \"%s\" has no token and no run", name),
                 name);
}

const struct error *organization_reply_not_frozen(struct arena *a, const char *name) {
    return about(
        error_new(a, STATUS_FAILED_PRECONDITION, REASON_ORGANIZATION_NOT_FROZEN,
                  "the organization \"%s\" is not frozen: freeze it first, so that nothing "
                  "of it changes while it is deleted",
                  name),
        name);
}
