#ifndef RUNSD_GATEWAY_OPENAPI_OPENAPI_RESPONSES_H
#define RUNSD_GATEWAY_OPENAPI_OPENAPI_RESPONSES_H

#include "gateway/openapi/openapi_builder.h"
#include "gateway/openapi/openapi_text.h"

// The responses of an operation: the success, and every HTTP status that
// gateway/envelope.h has for a gRPC code or for one of the gateway's own reasons. Pure.

// The parts of a route that determine its success response.
struct openapi_success {
    const struct schema_method *method;
    const struct schema_field *response_body; // NULL: the whole message
    bool is_http_body;
    bool has_etag;    // and If-None-Match may be answered by 304
    bool is_repeated; // it may be that of an earlier request: Idempotency-Replayed
};

// Writes the members of an operation's "responses". outcomes, from the method's comment,
// are the descriptions of their codes' statuses.
void openapi_responses_put(struct openapi_builder *b, const struct openapi_success *success,
                           const struct openapi_outcome *outcomes);

// Write the members of components.responses, of components.headers, and those of
// components.schemas that describe errors.
void openapi_responses_components(struct openapi_builder *b);
void openapi_responses_headers(struct openapi_builder *b);
void openapi_responses_schemas(struct openapi_builder *b);

#endif
