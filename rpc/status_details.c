#include "rpc/status_details.h"

#include "base/core/strbuf.h"
#include "base/core/utf8.h"
#include "base/core/well_known_fields.h"
#include "base/core/wire.h"

// Written with base/core/wire.h and not with generated code: Debian's
// error_details.proto is older than ErrorInfo.

// Field numbers of google/rpc/status.proto and google/rpc/error_details.proto.
enum {
    STATUS_FIELD_CODE = 1,
    STATUS_FIELD_MESSAGE = 2,
    STATUS_FIELD_DETAILS = 3,
    ERROR_INFO_REASON = 1,
    ERROR_INFO_DOMAIN = 2,
    ERROR_INFO_METADATA = 3,
    BAD_REQUEST_VIOLATIONS = 1,
    VIOLATION_FIELD = 1,
    VIOLATION_DESCRIPTION = 2,
    RESOURCE_TYPE = 1,
    RESOURCE_NAME = 2,
    RETRY_DELAY = 1,
};

enum { NANOS_PER_MS = 1000000, MS_PER_S = 1000 };

#define TYPE_PREFIX   "type.googleapis.com/"
#define ERROR_INFO    TYPE_PREFIX "google.rpc.ErrorInfo"
#define BAD_REQUEST   TYPE_PREFIX "google.rpc.BadRequest"
#define RESOURCE_INFO TYPE_PREFIX "google.rpc.ResourceInfo"
#define RETRY_INFO    TYPE_PREFIX "google.rpc.RetryInfo"

// --- text ---

static const char replacement[] = "\xEF\xBF\xBD"; // U+FFFD

static struct slice valid_utf8(struct arena *a, struct slice s) {
    if (utf8_valid(s)) {
        return s;
    }
    uint8_t *copy = arena_alloc(a, s.len * 3);
    size_t len = 0;
    for (size_t i = 0; i < s.len;) {
        size_t n = utf8_sequence_length(s.data + i, s.len - i);
        if (n == 0) {
            memcpy(copy + len, replacement, 3);
            len += 3;
            i++;
        } else {
            memcpy(copy + len, s.data + i, n);
            len += n;
            i += n;
        }
    }
    return slice_of(copy, len);
}

struct slice status_message(struct arena *a, const struct error *error) {
    if (error->message == NULL) {
        return SLICE_EMPTY;
    }
    struct slice message = valid_utf8(a, slice_of_cstr(error->message));
    if (message.len <= STATUS_MESSAGE_MAX_BYTES) {
        return message;
    }
    struct slice shown = utf8_cut(message, STATUS_MESSAGE_MAX_BYTES - 3);
    return slice_of_cstr(arena_printf(a, "%.*s...", SLICE_FMT(shown)));
}

static void put_text(struct arena *a, struct strbuf *b, uint32_t number, const char *text) {
    if (text != NULL && text[0] != '\0') {
        wire_put_bytes(b, number, valid_utf8(a, slice_of_cstr(text)));
    }
}

// --- encode ---

static size_t bytes_field_size(size_t len) {
    return 1 + wire_varint_size(len) + len; // all field numbers here are below 16
}

static size_t any_size(const char *type, size_t value_len) {
    return bytes_field_size(bytes_field_size(strlen(type)) + bytes_field_size(value_len));
}

// Adds a detail to the Status in b if it fits.
static void put_any(struct strbuf *b, const char *type, struct slice value) {
    if (b->len + any_size(type, value.len) > STATUS_DETAILS_MAX_BYTES) {
        return;
    }
    size_t any_len = bytes_field_size(strlen(type)) + bytes_field_size(value.len);
    wire_put_tag(b, STATUS_FIELD_DETAILS, WIRE_BYTES);
    wire_put_varint(b, any_len);
    wire_put_bytes(b, ANY_TYPE_URL, slice_of_cstr(type));
    wire_put_bytes(b, ANY_VALUE, value);
}

// Adds element as a repeated field of value if a Status of used bytes still has
// room for the detail with it. Returns whether it did.
static bool put_element(struct strbuf *value, uint32_t number, const struct strbuf *element,
                        const char *type, size_t used) {
    size_t len = value->len + bytes_field_size(element->len);
    if (used + any_size(type, len) > STATUS_DETAILS_MAX_BYTES) {
        return false;
    }
    wire_put_bytes(value, number, strbuf_slice(element));
    return true;
}

static void put_error_info(struct arena *a, struct strbuf *b, const struct error *e) {
    if (e->reason == NULL && e->metadata == NULL) {
        return;
    }
    struct strbuf value = STRBUF_INIT;
    struct strbuf element = STRBUF_INIT;
    put_text(a, &value, ERROR_INFO_REASON, e->reason);
    put_text(a, &value, ERROR_INFO_DOMAIN, e->domain);
    for (const struct error_metadata *m = e->metadata; m != NULL; m = m->next) {
        element.len = 0;
        put_text(a, &element, MAP_KEY, m->key);
        put_text(a, &element, MAP_VALUE, m->value);
        if (!put_element(&value, ERROR_INFO_METADATA, &element, ERROR_INFO, b->len)) {
            break;
        }
    }
    put_any(b, ERROR_INFO, strbuf_slice(&value));
    strbuf_release(&value);
    strbuf_release(&element);
}

static void put_resource_info(struct arena *a, struct strbuf *b, const struct error *e) {
    if (e->resource_type == NULL && e->resource_name == NULL) {
        return;
    }
    struct strbuf value = STRBUF_INIT;
    put_text(a, &value, RESOURCE_TYPE, e->resource_type);
    put_text(a, &value, RESOURCE_NAME, e->resource_name);
    put_any(b, RESOURCE_INFO, strbuf_slice(&value));
    strbuf_release(&value);
}

static void put_retry_info(struct strbuf *b, const struct error *e) {
    if (e->retry_after_ms <= 0) {
        return;
    }
    struct strbuf delay = STRBUF_INIT;
    struct strbuf value = STRBUF_INIT;
    uint64_t seconds = (uint64_t)(e->retry_after_ms / MS_PER_S);
    uint64_t nanos = (uint64_t)(e->retry_after_ms % MS_PER_S) * NANOS_PER_MS;
    if (seconds != 0) {
        wire_put_uint(&delay, TIME_SECONDS, seconds);
    }
    if (nanos != 0) {
        wire_put_uint(&delay, TIME_NANOS, nanos);
    }
    wire_put_bytes(&value, RETRY_DELAY, strbuf_slice(&delay));
    put_any(b, RETRY_INFO, strbuf_slice(&value));
    strbuf_release(&delay);
    strbuf_release(&value);
}

static void put_bad_request(struct arena *a, struct strbuf *b, const struct error *e) {
    if (e->violations == NULL) {
        return;
    }
    struct strbuf value = STRBUF_INIT;
    struct strbuf element = STRBUF_INIT;
    for (const struct field_violation *v = e->violations; v != NULL; v = v->next) {
        element.len = 0;
        put_text(a, &element, VIOLATION_FIELD, v->field);
        put_text(a, &element, VIOLATION_DESCRIPTION, v->description);
        if (!put_element(&value, BAD_REQUEST_VIOLATIONS, &element, BAD_REQUEST, b->len)) {
            break;
        }
    }
    if (value.len > 0) {
        put_any(b, BAD_REQUEST, strbuf_slice(&value));
    }
    strbuf_release(&value);
    strbuf_release(&element);
}

struct slice status_details_encode(struct arena *a, const struct error *error) {
    struct strbuf b = STRBUF_INIT;
    if (error->code != STATUS_OK) {
        wire_put_uint(&b, STATUS_FIELD_CODE, (uint64_t)error->code);
    }
    struct slice message = status_message(a, error);
    if (message.len > 0) {
        wire_put_bytes(&b, STATUS_FIELD_MESSAGE, message);
    }
    // What programs branch on goes first, so that it is there when room is short.
    put_error_info(a, &b, error);
    put_retry_info(&b, error);
    put_resource_info(a, &b, error);
    put_bad_request(a, &b, error);
    struct slice result = arena_copy(a, strbuf_slice(&b));
    strbuf_release(&b);
    return result;
}

// --- decode ---

// Reads what a detail's fields are, into the arena. Each returns false if the
// bytes are malformed; the error is then as far as it was read.

static bool is_bytes(const struct wire_field *f, uint32_t number) {
    return f->number == number && f->type == WIRE_BYTES;
}

enum { PAIR_FIRST = 1, PAIR_SECOND = 2 };
_Static_assert((int)MAP_KEY == PAIR_FIRST && (int)MAP_VALUE == PAIR_SECOND, "metadata is a pair");
_Static_assert((int)VIOLATION_FIELD == PAIR_FIRST && (int)VIOLATION_DESCRIPTION == PAIR_SECOND,
               "a violation is a pair");

// Reads a message of two text fields.
static bool read_pair(struct arena *a, struct slice s, const char **ret_first,
                      const char **ret_second) {
    const char *first = "";
    const char *second = "";
    const uint8_t *p = s.data;
    const uint8_t *end = s.data + s.len;
    struct wire_field f;
    while (p < end) {
        if (!wire_read_field(&p, end, &f)) {
            return false;
        }
        if (is_bytes(&f, PAIR_FIRST)) {
            first = arena_cstr(a, f.bytes);
        } else if (is_bytes(&f, PAIR_SECOND)) {
            second = arena_cstr(a, f.bytes);
        }
    }
    *ret_first = first;
    *ret_second = second;
    return true;
}

static bool read_error_info(struct arena *a, struct slice s, struct error *e) {
    const uint8_t *p = s.data;
    const uint8_t *end = s.data + s.len;
    struct error_metadata **next = &e->metadata;
    struct wire_field f;
    while (p < end) {
        if (!wire_read_field(&p, end, &f)) {
            return false;
        }
        if (is_bytes(&f, ERROR_INFO_REASON)) {
            e->reason = arena_cstr(a, f.bytes);
        } else if (is_bytes(&f, ERROR_INFO_DOMAIN)) {
            e->domain = arena_cstr(a, f.bytes);
        } else if (is_bytes(&f, ERROR_INFO_METADATA)) {
            struct error_metadata *m = ARENA_NEW(a, struct error_metadata);
            if (!read_pair(a, f.bytes, &m->key, &m->value)) {
                return false;
            }
            *next = m;
            next = &m->next;
        }
    }
    return true;
}

static bool read_bad_request(struct arena *a, struct slice s, struct error *e) {
    const uint8_t *p = s.data;
    const uint8_t *end = s.data + s.len;
    struct field_violation **next = &e->violations;
    struct wire_field f;
    while (p < end) {
        if (!wire_read_field(&p, end, &f)) {
            return false;
        }
        if (is_bytes(&f, BAD_REQUEST_VIOLATIONS)) {
            struct field_violation *v = ARENA_NEW(a, struct field_violation);
            if (!read_pair(a, f.bytes, &v->field, &v->description)) {
                return false;
            }
            *next = v;
            next = &v->next;
        }
    }
    return true;
}

static bool read_duration_ms(struct slice s, int64_t *ret_ms) {
    const uint8_t *p = s.data;
    const uint8_t *end = s.data + s.len;
    uint64_t seconds = 0;
    uint64_t nanos = 0;
    struct wire_field f;
    while (p < end) {
        if (!wire_read_field(&p, end, &f)) {
            return false;
        }
        if (f.number == TIME_SECONDS && f.type == WIRE_VARINT) {
            seconds = f.value;
        } else if (f.number == TIME_NANOS && f.type == WIRE_VARINT) {
            nanos = f.value;
        }
    }
    // google.protobuf.Duration's range; what is negative is beyond it here.
    if (seconds > UINT64_C(315576000000) || nanos > 999999999) {
        return false;
    }
    *ret_ms = (int64_t)(seconds * MS_PER_S + (nanos + NANOS_PER_MS - 1) / NANOS_PER_MS);
    return true;
}

static bool read_retry_info(struct slice s, struct error *e) {
    const uint8_t *p = s.data;
    const uint8_t *end = s.data + s.len;
    struct wire_field f;
    while (p < end) {
        if (!wire_read_field(&p, end, &f) ||
            (is_bytes(&f, RETRY_DELAY) && !read_duration_ms(f.bytes, &e->retry_after_ms))) {
            return false;
        }
    }
    return true;
}

// Reads one detail; returns false if it is malformed.
static bool read_any(struct arena *a, struct slice s, struct error *e) {
    struct slice type = SLICE_EMPTY;
    struct slice value = SLICE_EMPTY;
    const uint8_t *p = s.data;
    const uint8_t *end = s.data + s.len;
    struct wire_field f;
    while (p < end) {
        if (!wire_read_field(&p, end, &f)) {
            return false;
        }
        if (is_bytes(&f, ANY_TYPE_URL)) {
            type = f.bytes;
        } else if (is_bytes(&f, ANY_VALUE)) {
            value = f.bytes;
        }
    }
    if (slice_equal_cstr(type, ERROR_INFO)) {
        return read_error_info(a, value, e);
    }
    if (slice_equal_cstr(type, BAD_REQUEST)) {
        return read_bad_request(a, value, e);
    }
    if (slice_equal_cstr(type, RESOURCE_INFO)) {
        return read_pair(a, value, &e->resource_type, &e->resource_name);
    }
    if (slice_equal_cstr(type, RETRY_INFO)) {
        return read_retry_info(value, e);
    }
    return true;
}

static bool read_status(struct arena *a, struct slice s, struct error *e) {
    const uint8_t *p = s.data;
    const uint8_t *end = s.data + s.len;
    struct wire_field f;
    while (p < end) {
        if (!wire_read_field(&p, end, &f)) {
            return false;
        }
        if (is_bytes(&f, STATUS_FIELD_MESSAGE)) {
            e->message = arena_cstr(a, f.bytes);
        } else if (is_bytes(&f, STATUS_FIELD_DETAILS) && !read_any(a, f.bytes, e)) {
            return false;
        }
    }
    return true;
}

int status_details_code(struct slice details) {
    const uint8_t *p = details.data;
    const uint8_t *end = details.data + details.len;
    struct wire_field f;
    while (p < end && wire_read_field(&p, end, &f)) {
        if (f.number == STATUS_FIELD_CODE && f.type == WIRE_VARINT && f.value < STATUS_CODE_COUNT) {
            return (int)f.value;
        }
    }
    return STATUS_UNKNOWN;
}

struct error *status_details_decode(struct arena *a, int code, struct slice message,
                                    struct slice details) {
    bool known = code > STATUS_OK && code < STATUS_CODE_COUNT;
    struct error plain = {
        .code = known ? (enum status_code)code : STATUS_UNKNOWN,
        .message = arena_cstr(a, message),
    };
    struct error *e = ARENA_NEW(a, struct error);
    *e = plain;
    if (details.len > 0 && !read_status(a, details, e)) {
        *e = plain;
    }
    // grpc-message is what the call ended with; the Status repeats it.
    if (message.len > 0) {
        e->message = plain.message;
    }
    return e;
}
