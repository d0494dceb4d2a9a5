#ifndef RUNSD_GATEWAY_DESCRIPTOR_SCHEMA_TABLE_H
#define RUNSD_GATEWAY_DESCRIPTOR_SCHEMA_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/slice.h"

// The tables that gateway/descriptor/schema.h makes of descriptor sets. Pure.

// Messages of google.protobuf whose JSON is special.
enum schema_known {
    KNOWN_NONE,
    KNOWN_ANY,
    KNOWN_DURATION,
    KNOWN_FIELD_MASK,
    KNOWN_LIST_VALUE,
    KNOWN_STRUCT,
    KNOWN_TIMESTAMP,
    KNOWN_VALUE,
    KNOWN_WRAPPER, // BoolValue, Int64Value, ...: its one field is the value
};

struct schema_message;

struct schema_enum_value {
    int32_t number;
    struct slice name;
    struct slice word;      // what is printed: runsd.gateway.v1.enum_value_json, else
                            // pb.enumvalue.json, else the name
    struct slice json_word; // word as a JSON string, with its quotes; if absent, the number
    bool absent;            // a field that holds it is left out: enum_value_json
    bool has_http_status;   // runsd.gateway.v1.reason_http (schema_reason.c)
    int32_t http_status;
    struct slice reason_domain; // empty: the enum's package
};

struct schema_enum_name {
    struct slice name; // a name or a word
    int32_t number;
};

struct schema_enum {
    struct slice full_name;
    bool null_value; // google.protobuf.NullValue
    bool closed;     // a number without a value does not count; enum_type = CLOSED, proto2
    bool has_absent; // a value is absent
    bool numbers;    // is printed as numbers: enums_as_numbers
    size_t value_count;
    const struct schema_enum_value *values;     // in order of declaration
    const struct schema_enum_value **by_number; // sorted; one for each number
    size_t number_count;
    const struct schema_enum_name *names; // sorted; names and words
    size_t name_count;
};

struct schema_field {
    uint32_t number;
    uint8_t type;        // enum schema_type; GROUP also if message_encoding = DELIMITED
    uint8_t wire_type;   // of one element
    bool repeated;       // also true for a map
    bool map;            // message is then the entry type: fields key, value
    bool packed;         // whether it is written packed; both forms are read
    bool presence;       // an unset field differs from one that holds its default
    bool required;       // proto2's required; field_presence = LEGACY_REQUIRED
    bool any_bytes;      // a string that need not be UTF-8: utf8_validation = NONE, proto2
    bool selective;      // some values on the wire do not count: repeated, or of a closed enum
    bool number_in_json; // 64 bits as a JSON number: jstype = JS_NUMBER
    uint16_t marks;      // enum schema_mark
    int32_t oneof;       // index within the message; -1 if none
    uint32_t index;      // within the message
    struct slice name;
    struct slice json_name;  // what is printed
    struct slice json_alias; // the JSON name if json_name is the proto's: proto_names; else empty
    struct slice json_key;   // json_name as a JSON string, and a colon
    // What is printed when the field is unset, behind its key: `"status":0`.
    // Empty if nothing is.
    struct slice json_default;
    const struct schema_message *message;  // MESSAGE, GROUP; else NULL
    const struct schema_enum *enumeration; // ENUM; else NULL
    struct slice example;                  // JSON text, not checked; empty: none
    // What an unset field holds, if it is no message, as struct wire_field has it.
    uint64_t default_value;
    struct slice default_bytes;
};

enum { SCHEMA_DENSE_NUMBERS = 64 };

struct schema_message {
    struct slice full_name;
    enum schema_known known;
    bool emit_defaults; // runsd.gateway.v1.message_json, or of struct schema_spelling
    bool map_entry;
    bool has_required; // it, or a message within it, has a required field
    uint32_t field_count;
    const struct schema_field *fields; // in order of declaration
    uint32_t oneof_count;
    const struct slice *oneof_names;
    // Lookups: by number below SCHEMA_DENSE_NUMBERS (index + 1, 0 for none),
    // by other numbers (sorted), by JSON name and by name (open addressing).
    uint16_t dense[SCHEMA_DENSE_NUMBERS];
    const struct schema_field **sparse;
    uint32_t sparse_count;
    const struct schema_field **slots;
    uint32_t slot_mask;
};

struct schema_method {
    const char *path; // "/package.Service/Method"
    const char *name; // "package.Service.Method"
    const char *file;
    const struct schema_message *input;
    const struct schema_message *output;
    bool client_streaming;
    bool server_streaming;
    bool verifies_caller; // runsd.gateway.v1.verifies_caller
    bool deprecated;
    bool has_http;
    struct slice http;          // bytes of its google.api.HttpRule
    struct slice reply_example; // JSON text, not checked; empty: none
};

// A value of an enum of reasons (AIP-193) that has a status of its own.
struct schema_reason {
    struct slice domain; // google.rpc.ErrorInfo.domain
    struct slice name;   // google.rpc.ErrorInfo.reason
    int http_status;
    const struct schema_enum *enumeration;
};

struct schema {
    struct arena arena; // owns everything
    bool is_respelled;  // fields have their proto names, or enums are numbers
    struct schema_message *messages;
    size_t message_count;
    const struct schema_message **message_slots; // by full name
    size_t message_mask;
    struct schema_enum *enums;
    size_t enum_count;
    struct schema_method *methods; // in order of files and declaration
    size_t method_count;
    const struct schema_reason *reasons; // sorted; those with a status of their own
    size_t reason_count;
};

#endif
