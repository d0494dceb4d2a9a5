#include "server/domain/run_codec.h"

#include "base/core/timestamp.h"
#include "base/core/wire.h"
#include "runs/v1/run.pb-c.h"

// The store keeps statuses by the protos' numbers, and replies send them as they are stored.
#define SAME_NUMBER(name)                                                                          \
    _Static_assert((int)RUN_##name == (int)RUNS__V1__RUN_STATUS__RUN_STATUS_##name,                \
                   "RUN_" #name " has the number that runs.v1.RunStatus gives it")
SAME_NUMBER(RUNNING);
SAME_NUMBER(WAITING);
SAME_NUMBER(SUCCESS);
SAME_NUMBER(FAILURE);
SAME_NUMBER(CANCELLED);
_Static_assert(RUN_STATUS_COUNT == RUN_CANCELLED + 1, "each status is below the count");
_Static_assert(RUN_STATUS_ALL == RUN_STATUS_BIT(RUN_STATUS_COUNT) - RUN_STATUS_BIT(RUN_RUNNING),
               "all has the bit of each status");

// Numbers of runs.v1.Run's fields that are not stored as they were given.
enum {
    FIELD_EXECUTION_STATE = 1,
    FIELD_FINISHED_AT = 2,
    FIELD_ID = 3,
    FIELD_ORGANIZATION_ID = 6,
    FIELD_STARTED_AT = 11,
    FIELD_STATUS = 12,
    FIELD_TOTAL_CU = 13,
    FIELD_TRIGGER_SOURCE = 14,
    FIELD_TRIGGERED_BY = 15,
};

enum { LONGEST_TIMESTAMP = 24 };

static bool is_set_by_us(uint32_t number) {
    switch (number) {
    case FIELD_EXECUTION_STATE:
    case FIELD_FINISHED_AT:
    case FIELD_ID:
    case FIELD_ORGANIZATION_ID:
    case FIELD_STARTED_AT:
    case FIELD_STATUS:
    case FIELD_TOTAL_CU:
    case FIELD_TRIGGER_SOURCE:
    case FIELD_TRIGGERED_BY:
        return true;
    default:
        return false;
    }
}

static bool is_known(uint32_t number) {
    return protobuf_c_message_descriptor_get_field(&runs__v1__run__descriptor, number) != NULL;
}

static uint8_t *put_varint(uint8_t *p, uint64_t value) {
    while (value >= 0x80) {
        *p++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *p++ = (uint8_t)value;
    return p;
}

static uint8_t *put_tag(uint8_t *p, uint32_t number, enum wire_type type) {
    return put_varint(p, (uint64_t)number << 3 | (uint64_t)type);
}

static uint8_t *put_timestamp(uint8_t *p, int64_t us) {
    int64_t seconds = us / 1000000;
    int64_t rest = us % 1000000;
    if (rest < 0) {
        rest += 1000000;
        seconds--;
    }
    if (seconds != 0) {
        p = put_tag(p, 1, WIRE_VARINT);
        p = put_varint(p, (uint64_t)seconds);
    }
    if (rest != 0) {
        p = put_tag(p, 2, WIRE_VARINT);
        p = put_varint(p, (uint64_t)rest * 1000);
    }
    return p;
}

struct slice run_timestamp_encode(struct arena *a, int64_t us) {
    uint8_t *bytes = arena_alloc(a, LONGEST_TIMESTAMP);
    return slice_of(bytes, (size_t)(put_timestamp(bytes, us) - bytes));
}

struct slice run_spec_encode(struct arena *a, struct slice run_message,
                             const struct run_provenance *provenance,
                             struct slice *ret_execution_state) {
    struct strbuf b = STRBUF_INIT;
    struct slice execution_state = SLICE_EMPTY;
    const uint8_t *p = run_message.data;
    const uint8_t *end = p + run_message.len;
    while (p < end) {
        const uint8_t *start = p;
        struct wire_field f;
        if (!wire_read_field(&p, end, &f)) {
            break; // was checked
        }
        if (f.number == FIELD_EXECUTION_STATE) {
            execution_state = f.bytes;
        } else if (!is_set_by_us(f.number) && is_known(f.number)) {
            strbuf_append(&b, start, (size_t)(p - start));
        }
    }
    wire_put_bytes(&b, FIELD_ID, provenance->id);
    wire_put_bytes(&b, FIELD_ORGANIZATION_ID, provenance->organization);
    wire_put_bytes(&b, FIELD_STARTED_AT, run_timestamp_encode(a, provenance->started_at_us));
    wire_put_bytes(&b, FIELD_TRIGGER_SOURCE, provenance->trigger_source);
    wire_put_bytes(&b, FIELD_TRIGGERED_BY, provenance->triggered_by);
    struct slice spec = arena_copy(a, strbuf_slice(&b));
    strbuf_release(&b);
    *ret_execution_state = execution_state;
    return spec;
}

size_t run_reply_parts(struct arena *a, const struct run_record *run,
                       struct slice ret_parts[RUN_REPLY_PARTS]) {
    enum { LONGEST_SUFFIX = 80 };
    uint8_t *suffix = arena_alloc(a, LONGEST_SUFFIX);
    uint8_t *p = put_tag(suffix, FIELD_STATUS, WIRE_VARINT);
    p = put_varint(p, (uint64_t)run->status);
    if (run->fields.total_cu != 0) {
        p = put_tag(p, FIELD_TOTAL_CU, WIRE_FIXED64);
        uint64_t bits = wire_double_bits(run->fields.total_cu);
        for (int i = 0; i < 8; i++) {
            *p++ = (uint8_t)(bits >> (8 * i));
        }
    }
    if (run->finished_at_us != 0) {
        struct slice at = run_timestamp_encode(a, run->finished_at_us);
        p = put_tag(p, FIELD_FINISHED_AT, WIRE_BYTES);
        p = put_varint(p, at.len);
        memcpy(p, at.data, at.len);
        p += at.len;
    }
    ret_parts[0] = run->spec;
    if (run->fields.execution_state.len == 0) {
        ret_parts[1] = slice_of(suffix, (size_t)(p - suffix));
        return 2;
    }
    p = put_tag(p, FIELD_EXECUTION_STATE, WIRE_BYTES);
    p = put_varint(p, run->fields.execution_state.len);
    ret_parts[1] = slice_of(suffix, (size_t)(p - suffix));
    ret_parts[2] = run->fields.execution_state;
    return 3;
}

bool timestamp_from_message(const Google__Protobuf__Timestamp *t, int64_t *ret_us) {
    if (t->seconds < TIMESTAMP_MIN_SECONDS || t->seconds > TIMESTAMP_MAX_SECONDS || t->nanos < 0 ||
        t->nanos > 999999999) {
        return false;
    }
    *ret_us = t->seconds * 1000000 + t->nanos / 1000;
    return true;
}
