#include "gateway/json/scalar.h"

#include <float.h>
#include <math.h>

#include "base/core/base64.h"
#include "base/core/timestamp.h"
#include "base/core/utf8.h"
#include "base/core/well_known_fields.h"
#include "base/core/wire.h"
#include "gateway/json/field_mask_text.h"
#include "gateway/json/json_number.h"
#include "gateway/json/well_known_text.h"

enum { LONGEST_QUOTE = 64 };

const char *scalar_shown(struct arena *a, struct slice text) {
    if (text.len == 0 || memchr(text.data, 0, text.len) == NULL) {
        return arena_cstr(a, text);
    }
    struct strbuf b = STRBUF_INIT;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == 0) {
            strbuf_append_cstr(&b, "\\u0000");
        } else {
            strbuf_append_byte(&b, text.data[i]);
        }
    }
    const char *shown = arena_cstr(a, strbuf_slice(&b));
    strbuf_release(&b);
    return shown;
}

const char *scalar_quote(struct arena *a, struct slice text) {
    size_t n = 0;
    const char *behind = "";
    while (n < text.len) {
        size_t sequence = utf8_sequence_length(text.data + n, text.len - n);
        if (sequence == 0 || n >= LONGEST_QUOTE) {
            behind = sequence == 0 ? " (bytes that are no text)" : "...";
            break;
        }
        n += sequence;
    }
    return arena_printf(a, "\"%s\"%s", scalar_shown(a, slice_of(text.data, n)), behind);
}

void scalar_put_tag(const struct schema_field *f, struct strbuf *out) {
    wire_put_tag(out, f->number, (enum wire_type)f->wire_type);
}

static const char *put_signed(struct arena *a, const struct schema_field *f, struct slice text,
                              int64_t min, int64_t max, struct strbuf *out) {
    int64_t value;
    if (json_parse_int64(text, min, max, &value) != JSON_NUMBER_OK) {
        return arena_printf(a, "%s is no integer from %lld to %lld", scalar_quote(a, text),
                            (long long)min, (long long)max);
    }
    switch (f->type) {
    case SCHEMA_SFIXED32:
        wire_put_little_endian(out, (uint64_t)value, 4);
        break;
    case SCHEMA_SFIXED64:
        wire_put_little_endian(out, (uint64_t)value, 8);
        break;
    case SCHEMA_SINT32:
    case SCHEMA_SINT64:
        wire_put_varint(out, (uint64_t)value << 1 ^ (uint64_t)(value < 0 ? -1 : 0));
        break;
    default:
        wire_put_varint(out, (uint64_t)value);
        break;
    }
    return NULL;
}

static const char *put_unsigned(struct arena *a, const struct schema_field *f, struct slice text,
                                uint64_t max, struct strbuf *out) {
    uint64_t value;
    if (json_parse_uint64(text, max, &value) != JSON_NUMBER_OK) {
        return arena_printf(a, "%s is no integer from 0 to %llu", scalar_quote(a, text),
                            (unsigned long long)max);
    }
    switch (f->type) {
    case SCHEMA_FIXED32:
        wire_put_little_endian(out, value, 4);
        break;
    case SCHEMA_FIXED64:
        wire_put_little_endian(out, value, 8);
        break;
    default:
        wire_put_varint(out, value);
        break;
    }
    return NULL;
}

static bool read_word(struct slice text, double *ret) {
    if (slice_equal_cstr(text, "NaN")) {
        *ret = (double)NAN;
    } else if (slice_equal_cstr(text, "Infinity")) {
        *ret = (double)INFINITY;
    } else if (slice_equal_cstr(text, "-Infinity")) {
        *ret = -(double)INFINITY;
    } else {
        return false;
    }
    return true;
}

static const char *put_double(struct arena *a, struct slice text, bool words, struct strbuf *out) {
    double value;
    if (!words || !read_word(text, &value)) {
        enum json_number_result result = json_parse_double(text, &value);
        if (result != JSON_NUMBER_OK) {
            return arena_printf(a, "%s is %s", scalar_quote(a, text),
                                result == JSON_NUMBER_RANGE ? "out of the range of a double"
                                                            : "no number");
        }
    }
    wire_put_little_endian(out, wire_double_bits(value), 8);
    return NULL;
}

static const char *put_float(struct arena *a, struct slice text, bool words, struct strbuf *out) {
    double word;
    float value;
    if (words && read_word(text, &word)) {
        value = (float)word;
    } else {
        enum json_number_result result = json_parse_float(text, &value);
        if (result != JSON_NUMBER_OK) {
            return arena_printf(a, "%s is %s", scalar_quote(a, text),
                                result == JSON_NUMBER_RANGE ? "out of the range of a float"
                                                            : "no number");
        }
    }
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    wire_put_little_endian(out, bits, 4);
    return NULL;
}

const char *scalar_put_number(struct arena *a, const struct schema_field *f, struct slice text,
                              bool words, struct strbuf *out) {
    switch (f->type) {
    case SCHEMA_DOUBLE:
        return put_double(a, text, words, out);
    case SCHEMA_FLOAT:
        return put_float(a, text, words, out);
    case SCHEMA_INT32:
    case SCHEMA_SINT32:
    case SCHEMA_SFIXED32:
        return put_signed(a, f, text, INT32_MIN, INT32_MAX, out);
    case SCHEMA_UINT32:
    case SCHEMA_FIXED32:
        return put_unsigned(a, f, text, UINT32_MAX, out);
    case SCHEMA_UINT64:
    case SCHEMA_FIXED64:
        return put_unsigned(a, f, text, UINT64_MAX, out);
    default:
        return put_signed(a, f, text, INT64_MIN, INT64_MAX, out);
    }
}

static const char *list_words(struct arena *a, const struct schema_enum *e) {
    enum { MOST = 12 };
    const char *list = "";
    size_t count = 0;
    for (size_t i = 0; i < e->value_count; i++) {
        if (e->values[i].absent) {
            continue;
        }
        if (count == MOST) {
            return arena_printf(a, "%s, ...", list);
        }
        list =
            arena_printf(a, "%s%s%.*s", list, count == 0 ? "" : ", ", SLICE_FMT(e->values[i].word));
        count++;
    }
    return list;
}

const char *scalar_put_enum_name(struct arena *a, const struct schema_field *f, struct slice text,
                                 struct strbuf *out) {
    int32_t number;
    if (!schema_enum_by_name(f->enumeration, text, &number)) {
        return arena_printf(a, "%s is none of %s", scalar_quote(a, text),
                            list_words(a, f->enumeration));
    }
    wire_put_varint(out, (uint64_t)(int64_t)number);
    return NULL;
}

const char *scalar_put_enum_number(struct arena *a, const struct schema_field *f, struct slice text,
                                   struct strbuf *out) {
    int64_t number;
    if (json_parse_int64(text, INT32_MIN, INT32_MAX, &number) != JSON_NUMBER_OK) {
        return arena_printf(a, "%s is none of %s and no 32-bit integer", scalar_quote(a, text),
                            list_words(a, f->enumeration));
    }
    if (f->enumeration->closed && schema_enum_by_number(f->enumeration, (int32_t)number) == NULL) {
        return arena_printf(a, "%s is no number of %.*s, which is a closed enum",
                            scalar_quote(a, text), SLICE_FMT(f->enumeration->full_name));
    }
    wire_put_varint(out, (uint64_t)number);
    return NULL;
}

const char *scalar_put_string(struct arena *a, struct slice text, struct strbuf *out) {
    if (!utf8_valid(text)) {
        return arena_printf(a, "%s is no valid UTF-8", scalar_quote(a, text));
    }
    wire_put_varint(out, text.len);
    strbuf_append_slice(out, text);
    return NULL;
}

const char *scalar_put_bytes(struct arena *a, struct slice text, struct strbuf *out) {
    uint8_t *bytes = arena_alloc(a, text.len / 4 * 3 + 3);
    size_t size;
    if (!base64_decode_lenient(text, bytes, &size)) {
        return arena_printf(a, "%s is no base64", scalar_quote(a, text));
    }
    wire_put_varint(out, size);
    strbuf_append(out, bytes, size);
    return NULL;
}

// Of a query or a path, proto paths are taken as well: grpc-gateway and Envoy do. JSON
// has lowerCamelCase only.
static const char *put_field_mask(struct arena *a, struct slice text,
                                  enum field_mask_spelling spelling, struct strbuf *out) {
    struct slice rest = text.len > 0 ? text : SLICE_EMPTY;
    struct slice part;
    struct strbuf path = STRBUF_INIT;
    const char *fault = NULL;
    while (fault == NULL && field_mask_next(&rest, &part)) {
        path.len = 0;
        if (field_mask_path_from_json(part, spelling, &path)) {
            wire_put_bytes(out, MASK_PATHS, strbuf_slice(&path));
        } else {
            fault = arena_printf(a, "%s is no field mask: lowerCamelCase paths with commas between",
                                 scalar_quote(a, text));
        }
    }
    strbuf_release(&path);
    return fault;
}

// Whether text is a time whose + was read as a blank, as queries are.
static bool lost_its_plus(struct arena *a, struct slice text) {
    char *copy = arena_cstr(a, text);
    char *blank = strrchr(copy, ' ');
    int64_t seconds;
    int32_t nanos;
    if (blank == NULL) {
        return false;
    }
    *blank = '+';
    return timestamp_parse(slice_of(copy, text.len), &seconds, &nanos);
}

const char *scalar_put_known(struct arena *a, enum schema_known known, struct slice text,
                             struct strbuf *out) {
    int64_t seconds;
    int32_t nanos;
    if (known == KNOWN_FIELD_MASK) {
        return put_field_mask(a, text, FIELD_MASK_JSON, out);
    }
    if (known == KNOWN_TIMESTAMP) {
        if (!timestamp_parse(text, &seconds, &nanos)) {
            return arena_printf(a,
                                "%s is no RFC 3339 time from year 1 to 9999, such as "
                                "2026-01-31T12:00:00Z%s",
                                scalar_quote(a, text),
                                lost_its_plus(a, text) ? "; in a URL a + is written %2B" : "");
        }
    } else if (!duration_parse(text, &seconds, &nanos)) {
        return arena_printf(a, "%s is no duration such as 1.5s, at most 315576000000.999999999s",
                            scalar_quote(a, text));
    }
    wire_put_uint(out, TIME_SECONDS, (uint64_t)seconds);
    wire_put_uint(out, TIME_NANOS, (uint64_t)(int64_t)nanos);
    return NULL;
}

bool scalar_has_text(const struct schema_field *f) {
    if (f->map) {
        return false;
    }
    if (f->message == NULL) {
        return true;
    }
    switch (f->message->known) {
    case KNOWN_DURATION:
    case KNOWN_FIELD_MASK:
    case KNOWN_TIMESTAMP:
    case KNOWN_WRAPPER:
        return true;
    default:
        return false;
    }
}

// What stands behind the tag of a message.
static void put_content(const struct schema_field *f, struct slice message, struct strbuf *out) {
    if (f->type == SCHEMA_GROUP) {
        strbuf_append_slice(out, message);
        wire_put_tag(out, f->number, WIRE_GROUP_END);
    } else {
        wire_put_varint(out, message.len);
        strbuf_append_slice(out, message);
    }
}

void scalar_put_message(const struct schema_field *f, struct slice message, struct strbuf *out) {
    scalar_put_tag(f, out);
    put_content(f, message, out);
}

static const char *put_message(struct arena *a, const struct schema_field *f, struct slice text,
                               struct strbuf *out) {
    struct strbuf inner = STRBUF_INIT;
    const char *fault;
    if (f->message->known == KNOWN_WRAPPER) {
        const struct schema_field *wrapped = &f->message->fields[0];
        scalar_put_tag(wrapped, &inner);
        fault = scalar_put_text(a, wrapped, text, &inner);
    } else if (f->message->known == KNOWN_FIELD_MASK) {
        fault = put_field_mask(a, text, FIELD_MASK_EITHER, &inner);
    } else {
        fault = scalar_put_known(a, f->message->known, text, &inner);
    }
    if (fault == NULL) {
        put_content(f, strbuf_slice(&inner), out);
    }
    strbuf_release(&inner);
    return fault;
}

const char *scalar_put_text(struct arena *a, const struct schema_field *f, struct slice text,
                            struct strbuf *out) {
    switch (f->type) {
    case SCHEMA_BOOL:
        if (!slice_equal_cstr(text, "true") && !slice_equal_cstr(text, "false")) {
            return arena_printf(a, "%s is neither true nor false", scalar_quote(a, text));
        }
        wire_put_varint(out, text.len == 4);
        return NULL;
    case SCHEMA_STRING:
        return scalar_put_string(a, text, out);
    case SCHEMA_BYTES:
        return scalar_put_bytes(a, text, out);
    case SCHEMA_ENUM: {
        if (f->enumeration->null_value && slice_equal_cstr(text, "null")) { // as it is printed
            wire_put_varint(out, 0);
            return NULL;
        }
        const char *fault = scalar_put_enum_name(a, f, text, out);
        bool number = json_number_length(text) == text.len && text.len > 0;
        return fault != NULL && number ? scalar_put_enum_number(a, f, text, out) : fault;
    }
    case SCHEMA_MESSAGE:
    case SCHEMA_GROUP:
        return put_message(a, f, text, out);
    default:
        return scalar_put_number(a, f, text, true, out);
    }
}
