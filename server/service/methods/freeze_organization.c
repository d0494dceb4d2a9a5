#include "runs/v1/organizations_service.pb-c.h"
#include "server/service/organization_freeze.h"
#include "server/service/service_method.h"

static const struct error *serve(struct service_call *call, const void *request) {
    return organization_freeze_serve(call,
                                     ((const Runs__V1__FreezeOrganizationRequest *)request)->name,
                                     service_now_us(call->service));
}

const struct service_method freeze_organization_method = {
    .path = "/runs.v1.OrganizationsService/FreezeOrganization",
    .scope = SCOPE_ORGANIZATIONS_ADMIN,
    .request_type = &runs__v1__freeze_organization_request__descriptor,
    .call_bytes = sizeof(struct organization_freeze),
    .serve = serve,
};
