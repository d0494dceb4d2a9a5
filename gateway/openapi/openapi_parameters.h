#ifndef RUNSD_GATEWAY_OPENAPI_OPENAPI_PARAMETERS_H
#define RUNSD_GATEWAY_OPENAPI_OPENAPI_PARAMETERS_H

#include "gateway/openapi/openapi_builder.h"
#include "gateway/openapi/openapi_path.h"

// The parameters of a request: what is not in its body. Pure.

// The most query parameters that are listed for one operation; the gateway accepts the
// others too.
enum { OPENAPI_MOST_QUERY_PARAMETERS = 1000 };

// Writes the elements of an operation's "parameters". Returns whether there are fields that
// the query accepts and the list lacks: those of recursive messages, or beyond the limit.
bool openapi_parameters_put(struct openapi_builder *b, const struct route_parts *route,
                            const struct openapi_path *path, bool has_etag);

// Writes the members of components.parameters.
void openapi_parameters_components(struct openapi_builder *b);

#endif
