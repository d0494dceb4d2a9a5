#ifndef RUNSD_GATEWAY_OPENAPI_OPENAPI_PARAMETERS_H
#define RUNSD_GATEWAY_OPENAPI_OPENAPI_PARAMETERS_H

#include "gateway/openapi/openapi_builder.h"
#include "gateway/openapi/openapi_path.h"

// What of a request stands outside its body. Pure.

// At most so many query parameters are listed of one operation; the others are taken too.
enum { OPENAPI_MOST_QUERY_PARAMETERS = 1000 };

// Writes the elements of an operation's "parameters". Returns whether there are fields that
// the query takes and the list has not: of messages that hold themselves, or too many.
bool openapi_parameters_put(struct openapi_builder *b, const struct route_parts *route,
                            const struct openapi_path *path, bool has_etag);

// Writes the members of components.parameters.
void openapi_parameters_components(struct openapi_builder *b);

#endif
