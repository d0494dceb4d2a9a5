#ifndef RUNSD_GATEWAY_OPENAPI_OPENAPI_EXAMPLES_H
#define RUNSD_GATEWAY_OPENAPI_OPENAPI_EXAMPLES_H

#include "gateway/openapi/openapi_builder.h"

// Examples of requests and replies, by the options that give them
// (runsd/gateway/v1/options.proto). Those of replies go through the reader and the writer of
// gateway/json, so that they are what the gateway prints. Pure.

// The request id that examples have.
struct slice openapi_examples_request_id(void);

// The example of field f of m as JSON text: as it stands in the options if a request may
// hold it, or as a reply has it. Empty if there is none. Lives in the builder's arena or in
// the schema.
struct slice openapi_examples_field(struct openapi_builder *b, const struct schema_message *m,
                                    const struct schema_field *f, enum openapi_side side);

// A whole reply of a unary method, made up of the examples of its fields and of its own
// runsd.gateway.v1.reply_json. Empty if no field has an example, or if one that is always set has
// none. Lives in the builder's arena.
struct slice openapi_examples_reply(struct openapi_builder *b, const struct schema_method *method);

#endif
