#ifndef RUNSD_GATEWAY_OPENAPI_OPENAPI_ERRORS_H
#define RUNSD_GATEWAY_OPENAPI_OPENAPI_ERRORS_H

#include "gateway/openapi/openapi_builder.h"

// The errors that a route can answer, by their HTTP status. Pure.

struct openapi_error {
    int http_status;
    const char *title;       // "Not Found" (RFC 9110 section 15)
    const char *description; // a sentence
};

// Finds out which there are; before anything else.
void openapi_errors_init(struct openapi_builder *b);

// What is said of b->error_statuses[index].
struct openapi_error openapi_errors_at(struct openapi_builder *b, size_t index);

// Writes the body of an error as the gateway would: of a gRPC code if the upstream said it,
// in the words of text; else, with code 0, of what the gateway says of the status itself.
void openapi_errors_example(struct openapi_builder *b, int http_status, int code,
                            struct slice text);

#endif
