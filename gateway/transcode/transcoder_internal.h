#ifndef RUNSD_GATEWAY_TRANSCODE_TRANSCODER_INTERNAL_H
#define RUNSD_GATEWAY_TRANSCODE_TRANSCODER_INTERNAL_H

#include "gateway/descriptor/schema.h"
#include "gateway/json/json_read.h"
#include "gateway/transcode/bind_query.h"
#include "gateway/transcode/call_wait.h"
#include "gateway/transcode/event_id.h"
#include "gateway/transcode/request_key.h"
#include "gateway/transcode/route_table.h"
#include "gateway/transcode/template.h"
#include "gateway/transcode/transcoder.h"

// Shared by making a transcoder (transcoder_compile.c) and using it (transcoder.c). Pure.

struct transcoder_route {
    const struct schema_method *method;
    size_t method_index;
    const char *verb;
    const char *template_text;
    struct path_template path;
    struct bound_field *variables; // one for each of the template's
    bool whole_body;
    bool takes_http_body;
    bool returns_http_body;
    bool takes_null;                          // as the body: else null is none
    const struct schema_field *body;          // NULL unless the body is one field
    const struct schema_field *response_body; // NULL for the whole message
    const struct schema_field *update_mask;   // inferred if not given; NULL if not
    struct event_ids event_ids;
    const struct schema_field *call_wait; // of the request; NULL: none
    const struct schema_field *key;       // the same
};

struct transcoder {
    struct arena arena; // owns everything but the schema
    struct schema *schema;
    struct transcoder_route *routes;
    size_t route_count;
    size_t method_count;                       // that have routes
    const struct schema_method *caller_method; // NULL: none
    struct route_table table;
    struct json_read_options read_options;
    struct bind_ignored ignored_query;
};

// Marks the gateway as the error's domain; NULL is returned as it is.
const struct error *transcoder_error(const struct error *error);

// Makes t's routes from its schema's methods. Errors: those of transcoder_new.
const struct error *transcoder_compile(struct transcoder *t, struct arena *a, bool unbound_methods);

#endif
