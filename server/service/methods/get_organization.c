#include "storage/op/get_organization.h"

#include "base/core/container_of.h"
#include "server/domain/run_validate.h"
#include "server/service/organization_reply.h"
#include "server/service/service_method.h"

struct get_organization_call {
    struct service_call call;
    struct store_get_organization get;
};

static void stored(struct service_call *call) {
    organization_reply(call, &CONTAINER_OF(call, struct get_organization_call, call)->get);
}

static const struct error *serve(struct service_call *call, const void *request) {
    struct get_organization_call *m = CONTAINER_OF(call, struct get_organization_call, call);
    const char *name = ((const Runs__V1__GetOrganizationRequest *)request)->name;
    const struct error *error = run_validate_name(call->arena, "name", name);
    if (error == NULL) {
        m->get.op.kind = &store_get_organization_kind;
        m->get.name = slice_of_cstr(name);
        service_call_store(call, &m->get.op, stored);
    }
    return error;
}

const struct service_method get_organization_method = {
    .path = "/runs.v1.OrganizationsService/GetOrganization",
    .scope = SCOPE_ORGANIZATIONS_ADMIN,
    .is_read = true,
    .request_type = &runs__v1__get_organization_request__descriptor,
    .call_bytes = sizeof(struct get_organization_call),
    .serve = serve,
};
