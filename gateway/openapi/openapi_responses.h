#ifndef RUNSD_GATEWAY_OPENAPI_OPENAPI_RESPONSES_H
#define RUNSD_GATEWAY_OPENAPI_OPENAPI_RESPONSES_H

#include "gateway/openapi/openapi_builder.h"
#include "gateway/openapi/openapi_text.h"

// What a request can be answered with: the success, and every status of an error that
// gateway/envelope.h has for a gRPC code or for a reason of the gateway's own. Pure.

// What of a route decides its success.
struct openapi_success {
    const struct schema_method *method;
    const struct schema_field *response_body; // NULL: the whole message
    bool is_http_body;
    bool has_etag; // and If-None-Match may be answered by 304
};

// Writes the members of an operation's "responses". outcomes are what the method's comment
// says of codes; their statuses have these words.
void openapi_responses_put(struct openapi_builder *b, const struct openapi_success *success,
                           const struct openapi_outcome *outcomes);

// Write the members of components.responses, components.headers, and of components.schemas
// what errors are.
void openapi_responses_components(struct openapi_builder *b);
void openapi_responses_headers(struct openapi_builder *b);
void openapi_responses_schemas(struct openapi_builder *b);

#endif
