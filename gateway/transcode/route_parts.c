#include "gateway/transcode/route_parts.h"

#include "gateway/transcode/transcoder_internal.h"

struct route_parts route_parts_of(const struct transcoder_route *route) {
    return (struct route_parts){
        .method = route->method,
        .verb = route->verb,
        .path = &route->path,
        .variables = route->variables,
        .whole_body = route->whole_body,
        .body = route->body,
        .response_body = route->response_body,
        .update_mask = route->update_mask,
        .resumes = transcoder_route_resumes(route),
        .takes_key = transcoder_route_takes_key(route),
    };
}

const struct schema *route_parts_schema(const struct transcoder *transcoder) {
    return transcoder->schema;
}
