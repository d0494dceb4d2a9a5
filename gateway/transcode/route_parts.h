#ifndef RUNSD_GATEWAY_TRANSCODE_ROUTE_PARTS_H
#define RUNSD_GATEWAY_TRANSCODE_ROUTE_PARTS_H

#include "gateway/descriptor/schema.h"
#include "gateway/transcode/bind.h"
#include "gateway/transcode/template.h"
#include "gateway/transcode/transcoder.h"

// The parts of a compiled route, for the generator of the OpenAPI document. Pure.

struct route_parts {
    const struct schema_method *method;
    const char *verb; // "GET", a custom kind, or "*"
    const struct path_template *path;
    const struct bound_field *variables; // one for each of the template's
    bool whole_body;
    const struct schema_field *body;          // NULL unless the body is one field
    const struct schema_field *response_body; // NULL for the whole message
    const struct schema_field *update_mask;   // inferred if not given; NULL if not
    bool resumes;                             // by Last-Event-ID
    bool takes_key;                           // by Idempotency-Key
};

// Returns the parts of route; they are valid as long as its transcoder.
struct route_parts route_parts_of(const struct transcoder_route *route);

// The schema that the routes were compiled from.
const struct schema *route_parts_schema(const struct transcoder *transcoder);

#endif
