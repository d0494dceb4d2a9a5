#include "gateway/descriptor/schema_marks.h"

#include "base/core/wire.h"
#include "gateway/descriptor/descriptor_pool.h"

// Numbers of options.
enum {
    OPTION_FIELD_JSON = 51204,    // runsd.gateway.v1.field_json
    OPTION_REPLY_JSON = 51206,    // runsd.gateway.v1.reply_json
    OPTION_FIELD_BEHAVIOR = 1052, // google.api.field_behavior
    FIELD_JSON_REQUIRED = 1,
    FIELD_JSON_OUTPUT_ONLY = 2,
    FIELD_JSON_ALWAYS_SET = 3,
    FIELD_JSON_PLAIN_VALUE = 4,
    FIELD_JSON_EXAMPLE = 5,
    FIELD_JSON_EVENT_ID = 6,
    FIELD_JSON_LAST_EVENT_ID = 7,
    FIELD_JSON_CALL_WAIT = 8,
    FIELD_JSON_NOT_RESUMED = 9,
    FIELD_JSON_IDEMPOTENCY_KEY = 10,
    REPLY_JSON_EXAMPLE = 1,
    FIELD_OPTION_DEPRECATED = 3,
};

// One value of google.api.field_behavior.
static uint16_t mark_of_behavior(uint64_t behavior) {
    enum { REQUIRED = 2, OUTPUT_ONLY = 3, INPUT_ONLY = 4 };
    return behavior == REQUIRED      ? SCHEMA_REQUIRED
           : behavior == OUTPUT_ONLY ? SCHEMA_OUTPUT_ONLY
           : behavior == INPUT_ONLY  ? SCHEMA_INPUT_ONLY
                                     : 0;
}

// All values of google.api.field_behavior, which may be packed or not.
static uint16_t marks_of_behaviors(struct slice options) {
    uint16_t marks = 0;
    const uint8_t *p = options.data;
    const uint8_t *end = p + options.len;
    struct wire_field field;
    while (p < end && wire_read_field(&p, end, &field)) {
        if (field.number != OPTION_FIELD_BEHAVIOR) {
            continue;
        }
        if (field.type == WIRE_VARINT) {
            marks |= mark_of_behavior(field.value);
        } else if (field.type == WIRE_BYTES) {
            const uint8_t *q = field.bytes.data;
            uint64_t value;
            while (q < field.bytes.data + field.bytes.len &&
                   wire_read_varint(&q, field.bytes.data + field.bytes.len, &value)) {
                marks |= mark_of_behavior(value);
            }
        }
    }
    return marks;
}

uint16_t schema_marks_of(struct arena *a, struct slice options) {
    static const struct {
        uint32_t number;
        uint16_t mark;
    } rows[] = {
        {FIELD_JSON_REQUIRED, SCHEMA_REQUIRED},
        {FIELD_JSON_OUTPUT_ONLY, SCHEMA_OUTPUT_ONLY},
        {FIELD_JSON_ALWAYS_SET, SCHEMA_ALWAYS_SET},
        {FIELD_JSON_PLAIN_VALUE, SCHEMA_PLAIN_VALUE},
        {FIELD_JSON_EVENT_ID, SCHEMA_EVENT_ID},
        {FIELD_JSON_LAST_EVENT_ID, SCHEMA_LAST_EVENT_ID},
        {FIELD_JSON_CALL_WAIT, SCHEMA_CALL_WAIT},
        {FIELD_JSON_NOT_RESUMED, SCHEMA_NOT_RESUMED},
        {FIELD_JSON_IDEMPOTENCY_KEY, SCHEMA_IDEMPOTENCY_KEY},
    };
    uint16_t marks = marks_of_behaviors(options);
    if (descriptor_option_varint(options, FIELD_OPTION_DEPRECATED) != 0) {
        marks |= SCHEMA_DEPRECATED;
    }
    struct slice json = descriptor_option_message(a, options, OPTION_FIELD_JSON, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (descriptor_option_varint(json, rows[i].number) != 0) {
            marks |= rows[i].mark;
        }
    }
    return marks;
}

struct slice schema_example_of(struct arena *a, struct slice options) {
    return descriptor_option_last(descriptor_option_message(a, options, OPTION_FIELD_JSON, NULL),
                                  FIELD_JSON_EXAMPLE);
}

struct slice schema_reply_example_of(struct arena *a, struct slice options) {
    return descriptor_option_last(descriptor_option_message(a, options, OPTION_REPLY_JSON, NULL),
                                  REPLY_JSON_EXAMPLE);
}
