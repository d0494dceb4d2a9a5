#ifndef RUNSD_GATEWAY_OPENAPI_OPENAPI_ERRORS_H
#define RUNSD_GATEWAY_OPENAPI_OPENAPI_ERRORS_H

#include "gateway/openapi/openapi_builder.h"

// The errors that a route can answer, by their HTTP status. Pure.

struct openapi_error {
    int http_status;
    const char *title;       // "Not Found" (RFC 9110 section 15)
    const char *description; // a sentence
};

// Fills in b->error_statuses; call it before anything else.
void openapi_errors_init(struct openapi_builder *b);

// Returns the texts of b->error_statuses[index].
struct openapi_error openapi_errors_at(struct openapi_builder *b, size_t index);

// Writes an example of an error's body, in the gateway's envelope: of an upstream's error
// with the gRPC code and the message text; or, with code 0, of the gateway's own error of
// that HTTP status.
void openapi_errors_example(struct openapi_builder *b, int http_status, int code,
                            struct slice text);

#endif
