#ifndef RUNSD_GATEWAY_OPENAPI_OPENAPI_PATH_H
#define RUNSD_GATEWAY_OPENAPI_OPENAPI_PATH_H

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "gateway/transcode/route_parts.h"

// Path templates of google.api.http as OpenAPI has paths: every "*" and "**" is a
// parameter of one segment, since clients encode the slashes of a parameter's value. Pure.

struct openapi_wildcard {
    const char *name;
    const struct bound_field *field; // that the wildcard gives, or a part of; NULL: none
    bool is_whole;                   // it is the field's whole value
    bool is_rest;                    // "**"
    const char *form;                // of the field's value: "items/*"
};

struct openapi_path {
    const char *text;  // "/v1/items/{name}:act"
    const char *shape; // the same without names: what makes two paths one for OpenAPI
    struct openapi_wildcard *wildcards;
    size_t wildcard_count;
};

// The result lives in a and borrows from the route.
struct openapi_path openapi_path_of(struct arena *a, const struct route_parts *route);

// Takes the names of the path that had the shape first, so that both are one path.
void openapi_path_rename(struct openapi_path *path, const struct openapi_path *first);

// A field as queries and comments spell it: JSON names with dots between.
const char *openapi_path_field_name(struct arena *a, const struct bound_field *field);

#endif
