#ifndef RUNSD_GATEWAY_OPENAPI_OPENAPI_SCHEMA_H
#define RUNSD_GATEWAY_OPENAPI_OPENAPI_SCHEMA_H

#include "gateway/openapi/openapi_builder.h"

// The JSON of messages as JSON Schema: what gateway/json prints and accepts. A message has
// two components: under its full name what replies hold, and under the name with "-Input",
// which no name in a proto can end with, what requests may hold. Pure.

// Each writes the members of a schema into an object that the caller opens and closes, and
// notes the components that it refers to.

// A whole message, or what stands for it if its JSON is special.
void openapi_schema_message(struct openapi_builder *b, const struct schema_message *m,
                            enum openapi_side side);

// A field of m, all its elements, with its description.
void openapi_schema_field(struct openapi_builder *b, const struct schema_message *m,
                          const struct schema_field *f, enum openapi_side side);

// The same without a description; of one element of a list or map.
void openapi_schema_type(struct openapi_builder *b, const struct schema_field *f,
                         enum openapi_side side);
void openapi_schema_element(struct openapi_builder *b, const struct schema_field *f,
                            enum openapi_side side);

// A field as text of a path or a query: one element. Of enums only the words are listed,
// since every value is text there.
void openapi_schema_text(struct openapi_builder *b, const struct schema_field *f);

// A request body that is message m but for the fields in without, which the path gives.
void openapi_schema_body(struct openapi_builder *b, const struct schema_message *m,
                         const struct schema_field *const *without, size_t without_count);

// Returns the description of a field: its comment, and what is known of its type and oneof.
struct slice openapi_schema_note(struct openapi_builder *b, const struct schema_message *m,
                                 const struct schema_field *f);

// Writes the members of components.schemas: what was referred to, and what that refers to.
void openapi_schema_components(struct openapi_builder *b);

#endif
