#include "storage/op/delete_organization.h"

#include "base/core/container_of.h"
#include "server/domain/message_guard.h"
#include "server/domain/run_error.h"
#include "server/domain/run_validate.h"
#include "server/service/organization_reply.h"
#include "server/service/service_method.h"
#include "storage/op/list_tokens.h"

enum {
    RUNS_A_STEP = 64, // no commit carries more of them
    // How long a call works before it says how far it is: well within what callers wait for.
    WORK_US = 2 * 1000 * 1000,
};

struct delete_organization_call {
    struct service_call call;
    struct store_delete_organization deletion;
    struct store_get_organization get;
    struct store_list_tokens tokens;
    int64_t until_us;
    int64_t deleted_runs;
};

static void reply(struct delete_organization_call *m, bool is_done) {
    Runs__V1__DeleteOrganizationResponse response = RUNS__V1__DELETE_ORGANIZATION_RESPONSE__INIT;
    response.deleted_runs = m->deleted_runs;
    response.done = is_done;
    struct slice bytes = message_pack(m->call.arena, &response.base);
    service_call_reply(&m->call, &bytes, 1);
}

// Those that were made since are tokens of a new organization of that name, and open what they say.
static void listed(struct service_call *call) {
    struct delete_organization_call *m = CONTAINER_OF(call, struct delete_organization_call, call);
    for (int i = 0; i < m->tokens.ret_count; i++) {
        token_table_put(call->service->tokens, &m->tokens.ret_tokens[i]);
    }
    reply(m, true);
}

static void forget_tokens(struct delete_organization_call *m) {
    token_table_forget(m->call.service->tokens, m->deletion.name);
    m->tokens.op.kind = &store_list_tokens_kind;
    m->tokens.organization = m->deletion.name;
    service_call_store(&m->call, &m->tokens.op, listed);
}

// It is not frozen: perhaps because it was deleted.
static void looked(struct service_call *call) {
    struct delete_organization_call *m = CONTAINER_OF(call, struct delete_organization_call, call);
    const char *name = (const char *)m->deletion.name.data;
    service_call_fail(call, organization_reply_is_there(&m->get)
                                ? organization_reply_not_frozen(call->arena, name)
                                : organization_reply_not_found(call->arena, name));
}

static void stored(struct service_call *call) {
    struct delete_organization_call *m = CONTAINER_OF(call, struct delete_organization_call, call);
    if (m->deletion.op.result != STORE_OK) {
        m->get.op.kind = &store_get_organization_kind;
        m->get.name = m->deletion.name;
        service_call_store(call, &m->get.op, looked);
        return;
    }
    m->deleted_runs += m->deletion.ret_deleted;
    if (m->deletion.ret_is_done) {
        forget_tokens(m);
    } else if (clock_monotonic_us() >= m->until_us) {
        reply(m, false);
    } else {
        service_call_store(call, &m->deletion.op, stored);
    }
}

static const struct error *serve(struct service_call *call, const void *request) {
    struct delete_organization_call *m = CONTAINER_OF(call, struct delete_organization_call, call);
    const char *name = ((const Runs__V1__DeleteOrganizationRequest *)request)->name;
    const struct error *error = run_validate_name(call->arena, "name", name);
    if (error != NULL) {
        return error;
    }
    call->target = name;
    if (slice_equal_cstr(call->organization, name)) {
        return run_error_field(
            call->arena, "name",
            "is the caller's own organization, \"%s\": use a token of another one", name);
    }
    m->until_us = clock_monotonic_us() + WORK_US;
    m->deletion.op.kind = &store_delete_organization_kind;
    m->deletion.name = slice_of_cstr(name);
    m->deletion.most = RUNS_A_STEP;
    service_call_store(call, &m->deletion.op, stored);
    return NULL;
}

const struct service_method delete_organization_method = {
    .path = "/runs.v1.OrganizationsService/DeleteOrganization",
    .scope = SCOPE_ORGANIZATIONS_ADMIN,
    .request_type = &runs__v1__delete_organization_request__descriptor,
    .call_bytes = sizeof(struct delete_organization_call),
    .serve = serve,
};
