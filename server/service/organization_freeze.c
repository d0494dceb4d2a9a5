#include "server/service/organization_freeze.h"

#include "base/core/container_of.h"
#include "server/domain/run_validate.h"
#include "server/service/organization_reply.h"

static void got(struct service_call *call) {
    organization_reply(call, &CONTAINER_OF(call, struct organization_freeze, call)->get);
}

static void stored(struct service_call *call) {
    struct organization_freeze *m = CONTAINER_OF(call, struct organization_freeze, call);
    if (m->freeze.op.result == STORE_NOT_FOUND) {
        service_call_fail(
            call, organization_reply_not_found(call->arena, (const char *)m->freeze.name.data));
        return;
    }
    if (m->freeze.at_us == 0) {
        deadline_sweep_note(call->service->deadlines, 1); // what came due meanwhile
    }
    m->get.op.kind = &store_get_organization_kind;
    m->get.name = m->freeze.name;
    service_call_store(call, &m->get.op, got);
}

const struct error *organization_freeze_serve(struct service_call *call, const char *name,
                                              int64_t at_us) {
    struct organization_freeze *m = CONTAINER_OF(call, struct organization_freeze, call);
    const struct error *error = run_validate_name(call->arena, "name", name);
    if (error == NULL) {
        m->freeze.op.kind = &store_freeze_organization_kind;
        m->freeze.name = slice_of_cstr(name);
        m->freeze.at_us = at_us;
        service_call_store(call, &m->freeze.op, stored);
    }
    return error;
}
