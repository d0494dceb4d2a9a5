#include "server/service/organization_freeze.h"

#include "base/core/container_of.h"
#include "server/domain/run_validate.h"
#include "server/service/organization_reply.h"

static void got(struct service_call *call) {
    organization_reply(call, &CONTAINER_OF(call, struct organization_freeze, call)->get);
}

static void get(struct organization_freeze *m, void (*then)(struct service_call *call)) {
    m->get.op.kind = &store_get_organization_kind;
    m->get.name = m->freeze.name;
    service_call_store(&m->call, &m->get.op, then);
}

static void fail_not_found(struct organization_freeze *m) {
    const char *name = (const char *)m->freeze.name.data;
    service_call_fail(&m->call, organization_reply_not_found(m->call.arena, name));
}

static void frozen(struct service_call *call) {
    struct organization_freeze *m = CONTAINER_OF(call, struct organization_freeze, call);
    if (m->freeze.op.result == STORE_NOT_FOUND) {
        fail_not_found(m);
        return;
    }
    if (m->freeze.at_us == 0) {
        deadline_sweep_note(call->service->deadlines, 1); // what came due meanwhile
    }
    get(m, got);
}

static void looked(struct service_call *call) {
    struct organization_freeze *m = CONTAINER_OF(call, struct organization_freeze, call);
    if (!organization_reply_is_there(&m->get)) {
        fail_not_found(m);
        return;
    }
    m->freeze.op.kind = &store_freeze_organization_kind;
    service_call_store(call, &m->freeze.op, frozen);
}

const struct error *organization_freeze_serve(struct service_call *call, const char *name,
                                              int64_t at_us) {
    struct organization_freeze *m = CONTAINER_OF(call, struct organization_freeze, call);
    const struct error *error = run_validate_name(call->arena, "name", name);
    if (error == NULL) {
        call->target = name;
        m->freeze.name = slice_of_cstr(name);
        m->freeze.at_us = at_us;
        get(m, looked);
    }
    return error;
}
