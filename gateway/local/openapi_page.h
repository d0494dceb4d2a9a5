#ifndef RUNSD_GATEWAY_LOCAL_OPENAPI_PAGE_H
#define RUNSD_GATEWAY_LOCAL_OPENAPI_PAGE_H

#include "gateway/local/local_route.h"

// The OpenAPI document of what is served (gateway/openapi/openapi.h). Pure.
void openapi_page_answer(const struct local_request *request, struct arena *arena,
                         struct local_reply *ret_reply);

#endif
