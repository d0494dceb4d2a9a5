#ifndef RUNSD_GATEWAY_DESCRIPTOR_SCHEMA_MARKS_H
#define RUNSD_GATEWAY_DESCRIPTOR_SCHEMA_MARKS_H

#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/slice.h"

// What a field's options say about its values, for the OpenAPI document but for the last five;
// bits of schema_field.marks.
enum schema_mark {
    SCHEMA_REQUIRED = 1,           // google.api.field_behavior, runsd.gateway.v1.field_json
    SCHEMA_OUTPUT_ONLY = 2,        // the same
    SCHEMA_INPUT_ONLY = 4,         // google.api.field_behavior
    SCHEMA_DEPRECATED = 8,         // deprecated
    SCHEMA_ALWAYS_SET = 16,        // runsd.gateway.v1.field_json
    SCHEMA_PLAIN_VALUE = 32,       // runsd.gateway.v1.field_json
    SCHEMA_EVENT_ID = 64,          // the same (gateway/transcode/event_id.h)
    SCHEMA_LAST_EVENT_ID = 128,    // the same
    SCHEMA_CALL_WAIT = 256,        // the same (gateway/transcode/call_wait.h)
    SCHEMA_NOT_RESUMED = 512,      // the same (gateway/transcode/event_id.h)
    SCHEMA_IDEMPOTENCY_KEY = 1024, // the same (gateway/transcode/request_key.h)
};

// Returns the enum schema_mark bits set by the bytes of a field's options; a is for
// temporary memory. Pure.
uint16_t schema_marks_of(struct arena *a, struct slice options);

// Returns the example in the bytes of a field's options (runsd.gateway.v1.field_json), JSON text
// that is not checked; in a or borrowed from options; empty if there is none. Pure.
struct slice schema_example_of(struct arena *a, struct slice options);

// The same of the bytes of a method's options (runsd.gateway.v1.reply_json). Pure.
struct slice schema_reply_example_of(struct arena *a, struct slice options);

#endif
