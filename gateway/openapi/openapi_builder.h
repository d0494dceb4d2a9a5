#ifndef RUNSD_GATEWAY_OPENAPI_OPENAPI_BUILDER_H
#define RUNSD_GATEWAY_OPENAPI_OPENAPI_BUILDER_H

#include "base/core/arena.h"
#include "gateway/descriptor/notes.h"
#include "gateway/descriptor/schema.h"
#include "gateway/openapi/openapi_options.h"
#include "gateway/transcode/route_parts.h"

// The state that the parts of the generator share. Pure.

enum { OPENAPI_MOST_STATUSES = 200 }; // 400 to 599

// Who writes a value: the gateway in a reply, or a client in a request.
enum openapi_side { OPENAPI_REPLY, OPENAPI_INPUT };

struct openapi_builder {
    struct arena arena; // released when the document is written
    const struct openapi_options *options;
    const struct transcoder *transcoder;
    const struct schema *schema;
    struct notes notes;
    struct strbuf *out;
    // Components that were referred to, by index within the schema. Of a message, a bit for
    // each side that was referred to, and one for each side that is written.
    uint8_t *messages;
    uint8_t *enums;
    bool has_get;     // some operation has an ETag
    bool has_resumed; // an operation takes Last-Event-ID
    bool has_keys;    // an operation takes Idempotency-Key
    // The HTTP statuses of errors that routes can answer, rising.
    int error_statuses[OPENAPI_MOST_STATUSES];
    size_t error_status_count;
};

#endif
