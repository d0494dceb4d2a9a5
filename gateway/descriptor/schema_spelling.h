#ifndef RUNSD_GATEWAY_DESCRIPTOR_SCHEMA_SPELLING_H
#define RUNSD_GATEWAY_DESCRIPTOR_SCHEMA_SPELLING_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "gateway/descriptor/schema_table.h"

// How JSON is printed where the options in the protos leave it open. What is made of it stands
// in the tables, so that printing costs the same. Pure.

// How JSON is printed where the options in the protos do not say it; the reader takes every
// spelling.
struct schema_spelling {
    bool emit_defaults;    // all messages as message_json's, but an unset Struct is left out
    bool proto_names;      // of fields, instead of JSON names
    bool enums_as_numbers; // but of enums with a word of enum_value_json
};

// As struct schema_spelling has proto_names: f->json_name becomes the proto name, and the JSON
// name is read as well.
void schema_spell_name(struct schema_field *f);

// Makes the words of e numbers, unless runsd.gateway.v1.enum_value_json gives one of its values
// a word: an enum that has words keeps them. has_words says so.
void schema_spell_numbers(struct arena *a, struct schema_enum *e, bool has_words);

// Sets json_default of a message's fields, for a message that prints defaults; with_structs: of
// an unset google.protobuf.Struct too, as runsd.gateway.v1.message_json says.
void schema_spell_defaults(struct arena *a, struct schema_field *fields, uint32_t count,
                           bool with_structs);

#endif
