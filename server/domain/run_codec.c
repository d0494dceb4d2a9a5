#include "server/domain/run_codec.h"

#include <math.h>

#include "base/core/timestamp.h"
#include "base/core/well_known_fields.h"
#include "base/core/wire.h"
#include "server/domain/message_guard.h"
#include "server/domain/run_error.h"
#include "server/domain/run_size.h"
#include "server/domain/struct_validate.h"

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

// A field that reports replace (storage/run_fields.h), in the messages.
struct field_row {
    uint32_t in_run;    // its number in runs.v1.Run
    uint32_t in_report; // in ReportRunRequest: that of its message, or of a number's wrapper
    const char *name;   // in JSON
    bool at_creation;   // CreateRun takes it too
    size_t most_bytes;  // of BYTES
    // Returns what is wrong with a report's value, given as the message and as in fields; or NULL.
    const struct error *(*check)(struct arena *a, const ProtobufCMessage *given,
                                 const struct run_fields *fields);
};

static const struct error *check_total_cu(struct arena *a, const ProtobufCMessage *given,
                                          const struct run_fields *fields) {
    (void)given;
    if (isfinite(fields->total_cu) && fields->total_cu >= 0) {
        return NULL;
    }
    return run_error_field(a, "totalCu", "must be finite and at least 0, got %g", fields->total_cu);
}

static const struct error *check_execution_state(struct arena *a, const ProtobufCMessage *given,
                                                 const struct run_fields *fields) {
    (void)fields;
    struct violations v = {.arena = a};
    struct_validate(&v, "executionState", (const Google__Protobuf__Struct *)given);
    return v.error;
}

// One row a field; tests/server/run_codec_test.cc compares the numbers with the protos.
static const struct field_row field_rows[RUN_FIELD_COUNT] = {
    [RUN_FIELD_TOTAL_CU] = {.in_run = 13,
                            .in_report = 4,
                            .name = "totalCu",
                            .check = check_total_cu},
    [RUN_FIELD_EXECUTION_STATE] = {.in_run = 1,
                                   .in_report = 3,
                                   .name = "executionState",
                                   .at_creation = true,
                                   .most_bytes = RUN_LARGEST_EXECUTION_STATE_BYTES,
                                   .check = check_execution_state},
};

// Numbers of runs.v1.Run's other fields that are not stored as they were given.
enum {
    FIELD_FINISHED_AT = 2,
    FIELD_ID = 3,
    FIELD_ORGANIZATION_ID = 6,
    FIELD_STARTED_AT = 11,
    FIELD_STATUS = 12,
    FIELD_TRIGGER_SOURCE = 14,
    FIELD_TRIGGERED_BY = 15,
    FIELD_LEASE = 20,
    FIELD_STOPPED_AT = 23,
};

// Of runs.v1.RunLease.
enum { LEASE_ATTEMPT = 1, LEASE_HOLDER = 2 };

enum { LONGEST_TIMESTAMP = 24 };

static bool is_set_by_us(uint32_t number) {
    switch (number) {
    case FIELD_FINISHED_AT:
    case FIELD_ID:
    case FIELD_ORGANIZATION_ID:
    case FIELD_STARTED_AT:
    case FIELD_STATUS:
    case FIELD_TRIGGER_SOURCE:
    case FIELD_TRIGGERED_BY:
    case FIELD_LEASE:
    case FIELD_STOPPED_AT:
        return true;
    default:
        return false;
    }
}

// The field that number is in runs.v1.Run; RUN_FIELD_COUNT if it is none.
static int field_of(uint32_t number) {
    int i = 0;
    while (i < RUN_FIELD_COUNT && field_rows[i].in_run != number) {
        i++;
    }
    return i;
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
        p = put_tag(p, TIME_SECONDS, WIRE_VARINT);
        p = put_varint(p, (uint64_t)seconds);
    }
    if (rest != 0) {
        p = put_tag(p, TIME_NANOS, WIRE_VARINT);
        p = put_varint(p, (uint64_t)rest * 1000);
    }
    return p;
}

struct slice run_timestamp_encode(struct arena *a, int64_t us) {
    uint8_t *bytes = arena_alloc(a, LONGEST_TIMESTAMP);
    return slice_of(bytes, (size_t)(put_timestamp(bytes, us) - bytes));
}

static void set_given_at_creation(struct run_fields *fields, int field,
                                  const struct wire_field *given) {
    if (!field_rows[field].at_creation) {
        return;
    }
    void *value = run_field_of(fields, field);
    switch (run_field_info[field].type) {
    case RUN_FIELD_INTEGER:
        *(int64_t *)value = (int64_t)given->value;
        break;
    case RUN_FIELD_REAL:
        *(double *)value = wire_bits_double(given->value);
        break;
    case RUN_FIELD_BYTES:
        *(struct slice *)value = given->bytes;
        break;
    }
}

struct slice run_spec_encode(struct arena *a, struct slice run_message,
                             const struct run_provenance *provenance,
                             struct run_fields *ret_fields) {
    struct strbuf b = STRBUF_INIT;
    const uint8_t *p = run_message.data;
    const uint8_t *end = p + run_message.len;
    while (p < end) {
        const uint8_t *start = p;
        struct wire_field f;
        if (!wire_read_field(&p, end, &f)) {
            break; // was checked
        }
        int field = field_of(f.number);
        if (field < RUN_FIELD_COUNT) {
            set_given_at_creation(ret_fields, field, &f);
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
    return spec;
}

// Checks the length of fields' BYTES; prefix goes before their names.
static const struct error *check_sizes(struct arena *a, const char *prefix,
                                       const struct run_fields *fields) {
    const struct error *error = NULL;
    for (int i = 0; error == NULL && i < RUN_FIELD_COUNT; i++) {
        if (run_field_info[i].type == RUN_FIELD_BYTES) {
            const struct slice *value = run_field_in(fields, i);
            if (value->len > field_rows[i].most_bytes) {
                error = run_size_check(a, arena_printf(a, "%s%s", prefix, field_rows[i].name),
                                       *value, field_rows[i].most_bytes);
            }
        }
    }
    return error;
}

const struct error *run_fields_check_new(struct arena *a, const struct run_fields *fields) {
    return check_sizes(a, "run.", fields);
}

static const void *member_of(const ProtobufCMessage *message, uint32_t number) {
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(message->descriptor, number);
    return (const char *)message + field->offset;
}

void run_fields_check_output_only(struct violations *v, const Runs__V1__Run *run) {
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (field_rows[i].at_creation) {
            continue;
        }
        const void *value = member_of(&run->base, field_rows[i].in_run);
        bool is_set = false;
        switch (run_field_info[i].type) {
        case RUN_FIELD_INTEGER:
            is_set = *(const int64_t *)value != 0;
            break;
        case RUN_FIELD_REAL:
            is_set = *(const double *)value != 0;
            break;
        case RUN_FIELD_BYTES:
            is_set = *(ProtobufCMessage *const *)value != NULL;
            break;
        }
        if (is_set) {
            violations_add(v, arena_printf(v->arena, "run.%s", field_rows[i].name),
                           "is set by the service; leave it out");
        }
    }
}

const struct error *run_fields_read_report(struct arena *a,
                                           const Runs__V1__ReportRunRequest *report,
                                           struct slice bytes, struct run_fields *ret_fields,
                                           uint32_t *ret_given) {
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        const ProtobufCMessage *given =
            *(ProtobufCMessage *const *)member_of(&report->base, field_rows[i].in_report);
        if (given == NULL) {
            continue;
        }
        void *value = run_field_of(ret_fields, i);
        switch (run_field_info[i].type) {
        case RUN_FIELD_INTEGER:
            *(int64_t *)value = ((const Google__Protobuf__Int64Value *)given)->value;
            break;
        case RUN_FIELD_REAL:
            *(double *)value = ((const Google__Protobuf__DoubleValue *)given)->value;
            break;
        case RUN_FIELD_BYTES:
            *(struct slice *)value = message_field_bytes(bytes, field_rows[i].in_report);
            break;
        }
        *ret_given |= 1u << i;
        const struct error *error = field_rows[i].check(a, given, ret_fields);
        if (error != NULL) {
            return error;
        }
    }
    return check_sizes(a, "", ret_fields);
}

// Puts those that are no BYTES and not 0.
static uint8_t *put_numbers(uint8_t *p, const struct run_fields *fields) {
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        const void *value = run_field_in(fields, i);
        if (run_field_info[i].type == RUN_FIELD_INTEGER && *(const int64_t *)value != 0) {
            p = put_tag(p, field_rows[i].in_run, WIRE_VARINT);
            p = put_varint(p, (uint64_t) * (const int64_t *)value);
        } else if (run_field_info[i].type == RUN_FIELD_REAL && *(const double *)value != 0) {
            p = put_tag(p, field_rows[i].in_run, WIRE_FIXED64);
            uint64_t bits = wire_double_bits(*(const double *)value);
            for (int byte = 0; byte < 8; byte++) {
                *p++ = (uint8_t)(bits >> (8 * byte));
            }
        }
    }
    return p;
}

static uint8_t *put_instant(uint8_t *p, uint32_t number, int64_t us) {
    uint8_t at[LONGEST_TIMESTAMP];
    size_t bytes = (size_t)(put_timestamp(at, us) - at);
    p = put_tag(p, number, WIRE_BYTES);
    p = put_varint(p, bytes);
    memcpy(p, at, bytes);
    return p + bytes;
}

// What runs have that were acquired, or whose work has stopped.
static uint8_t *put_lease(uint8_t *p, const struct run_record *run) {
    if (run->attempt > 0) {
        enum { LONGEST_TAG_AND_NUMBER = 12 };
        uint8_t head[2 * LONGEST_TAG_AND_NUMBER];
        uint8_t *h = put_tag(head, LEASE_ATTEMPT, WIRE_VARINT);
        h = put_varint(h, (uint64_t)run->attempt);
        if (run->holder.len > 0) {
            h = put_tag(h, LEASE_HOLDER, WIRE_BYTES);
            h = put_varint(h, run->holder.len);
        }
        size_t head_bytes = (size_t)(h - head);
        p = put_tag(p, FIELD_LEASE, WIRE_BYTES);
        p = put_varint(p, head_bytes + run->holder.len);
        memcpy(p, head, head_bytes);
        p += head_bytes;
        if (run->holder.len > 0) {
            memcpy(p, run->holder.data, run->holder.len);
            p += run->holder.len;
        }
    }
    return run->stopped_at_us != 0 ? put_instant(p, FIELD_STOPPED_AT, run->stopped_at_us) : p;
}

size_t run_reply_parts(struct arena *a, const struct run_record *run,
                       struct slice ret_parts[RUN_REPLY_PARTS]) {
    enum { LONGEST_NUMBER = 16, LONGEST_SUFFIX = 128 + LONGEST_NUMBER * RUN_FIELD_COUNT };
    uint8_t *suffix = arena_alloc(a, LONGEST_SUFFIX + run->holder.len);
    uint8_t *p = put_tag(suffix, FIELD_STATUS, WIRE_VARINT);
    p = put_varint(p, (uint64_t)run->status);
    p = put_numbers(p, &run->fields);
    if (run->finished_at_us != 0) {
        p = put_instant(p, FIELD_FINISHED_AT, run->finished_at_us);
    }
    if ((run->attempt | run->stopped_at_us) != 0) {
        p = put_lease(p, run);
    }
    size_t count = 0;
    ret_parts[count++] = run->spec;
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        const struct slice *value = run_field_in(&run->fields, i);
        if (run_field_info[i].type == RUN_FIELD_BYTES && value->len > 0) {
            p = put_tag(p, field_rows[i].in_run, WIRE_BYTES);
            p = put_varint(p, value->len);
            ret_parts[count++] = slice_of(suffix, (size_t)(p - suffix));
            ret_parts[count++] = *value;
            suffix = p;
        }
    }
    if (p > suffix) {
        ret_parts[count++] = slice_of(suffix, (size_t)(p - suffix));
    }
    return count;
}

bool run_timestamp_decode(const Google__Protobuf__Timestamp *t, int64_t *ret_us) {
    if (t->seconds < TIMESTAMP_MIN_SECONDS || t->seconds > TIMESTAMP_MAX_SECONDS || t->nanos < 0 ||
        t->nanos > 999999999) {
        return false;
    }
    *ret_us = t->seconds * 1000000 + t->nanos / 1000;
    return true;
}
