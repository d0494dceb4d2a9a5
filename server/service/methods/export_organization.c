#include "base/core/container_of.h"
#include "runs/v1/organizations_service.pb-c.h"
#include "server/service/organization_export.h"
#include "server/service/service_method.h"

static const struct error *serve(struct service_call *call, const void *request) {
    struct service_stream *stream = CONTAINER_OF(call, struct service_stream, call);
    return organization_export_begin(stream,
                                     ((const Runs__V1__ExportOrganizationRequest *)request)->name);
}

const struct service_method export_organization_method = {
    .path = "/runs.v1.OrganizationsService/ExportOrganization",
    .scope = SCOPE_ORGANIZATIONS_ADMIN,
    .is_read = true,
    .request_type = &runs__v1__export_organization_request__descriptor,
    .serve = serve,
    .stream = &organization_export_kind,
};
