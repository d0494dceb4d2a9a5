#ifndef RUNSD_GATEWAY_OPENAPI_OPENAPI_OPERATION_H
#define RUNSD_GATEWAY_OPENAPI_OPENAPI_OPERATION_H

#include "gateway/openapi/openapi_builder.h"
#include "gateway/openapi/openapi_path.h"

// One route as an operation. Pure.

// Writes the operation's object. binding is 0 for a method's own rule, then counts its
// additional bindings; suffix, which may be empty, makes the ids of one route's operations
// differ.
void openapi_operation_put(struct openapi_builder *b, const struct route_parts *route,
                           const struct openapi_path *path, unsigned binding, const char *verb,
                           const char *suffix);

// "package.Service" of a method's name.
struct slice openapi_operation_service(const struct schema_method *method);

#endif
