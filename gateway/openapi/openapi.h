#ifndef RUNSD_GATEWAY_OPENAPI_OPENAPI_H
#define RUNSD_GATEWAY_OPENAPI_OPENAPI_H

#include "base/core/slice.h"
#include "base/core/strbuf.h"
#include "gateway/openapi/openapi_options.h"
#include "gateway/transcode/transcoder.h"

// The OpenAPI 3.1 document of what a gateway serves, made from the routes, schema and
// options that it serves by. The same bytes for the same sets and options. Sources:
// https://spec.openapis.org/oas/v3.1.1.html, JSON Schema 2020-12, docs/OPENAPI.md. Pure.

// Appends the document of the transcoder's routes, one line of JSON. sets are those that
// it was made from, for their comments.
void openapi_write(const struct transcoder *transcoder, const struct slice *sets, size_t count,
                   const struct openapi_options *options, struct strbuf *out);

#endif
