#ifndef RUNSD_GATEWAY_OPENAPI_OPENAPI_SCHEMA_H
#define RUNSD_GATEWAY_OPENAPI_OPENAPI_SCHEMA_H

#include "gateway/openapi/openapi_builder.h"

// The JSON of messages as JSON Schema, by what gateway/json prints and takes. A message is
// two components: its full name is what replies hold; the same with "-Input", which no
// name in a proto can end with, what requests may hold. Pure.

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

// A field as text of a path or a query: one element. Enums have their words alone, since
// all is text there.
void openapi_schema_text(struct openapi_builder *b, const struct schema_field *f);

// A request body that is message m but for the fields in without, which the path gives.
void openapi_schema_body(struct openapi_builder *b, const struct schema_message *m,
                         const struct schema_field *const *without, size_t without_count);

// The name of a field as JSON has it, in a comment's words: what is known of the field.
struct slice openapi_schema_note(struct openapi_builder *b, const struct schema_message *m,
                                 const struct schema_field *f);

// Writes the members of components.schemas: what was referred to, and what that refers to.
void openapi_schema_components(struct openapi_builder *b);

#endif
