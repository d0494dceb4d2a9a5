#include "gateway/rpc_status_json.h"

#include <inttypes.h>
#include <string.h>

#include "base/core/well_known_fields.h"
#include "base/core/wire.h"

enum { STATUS_DETAILS_FIELD = 3 };

static void append_text(struct strbuf *out, const char *text) {
    strbuf_append_json_string(out, text == NULL ? SLICE_EMPTY : slice_of_cstr(text));
}

static void append_comma(struct strbuf *out) {
    if (out->data[out->len - 1] != '[' && out->data[out->len - 1] != '{') {
        strbuf_append_byte(out, ',');
    }
}

// --- of the error itself ---

static void begin_detail(struct strbuf *out, const char *type) {
    append_comma(out);
    strbuf_printf(out, "{\"@type\":\"type.googleapis.com/google.rpc.%s\"", type);
}

static void append_error_info(struct strbuf *out, const struct error *error) {
    begin_detail(out, "ErrorInfo");
    strbuf_append_cstr(out, ",\"reason\":");
    append_text(out, error->reason);
    if (error->domain != NULL) {
        strbuf_append_cstr(out, ",\"domain\":");
        append_text(out, error->domain);
    }
    if (error->metadata != NULL) {
        strbuf_append_cstr(out, ",\"metadata\":{");
        for (const struct error_metadata *m = error->metadata; m != NULL; m = m->next) {
            append_comma(out);
            append_text(out, m->key);
            strbuf_append_byte(out, ':');
            append_text(out, m->value);
        }
        strbuf_append_byte(out, '}');
    }
    strbuf_append_byte(out, '}');
}

static void append_bad_request(struct strbuf *out, const struct error *error) {
    begin_detail(out, "BadRequest");
    strbuf_append_cstr(out, ",\"fieldViolations\":[");
    for (const struct field_violation *v = error->violations; v != NULL; v = v->next) {
        append_comma(out);
        strbuf_append_cstr(out, "{\"field\":");
        append_text(out, v->field);
        strbuf_append_cstr(out, ",\"description\":");
        append_text(out, v->description);
        strbuf_append_byte(out, '}');
    }
    strbuf_append_cstr(out, "]}");
}

static void append_own_details(struct strbuf *out, const struct error *error) {
    if (error->reason != NULL && error->reason[0] != '\0') {
        append_error_info(out, error);
    }
    if (error->violations != NULL) {
        append_bad_request(out, error);
    }
    if (error->resource_type != NULL) {
        begin_detail(out, "ResourceInfo");
        strbuf_append_cstr(out, ",\"resourceType\":");
        append_text(out, error->resource_type);
        strbuf_append_cstr(out, ",\"resourceName\":");
        append_text(out, error->resource_name);
        strbuf_append_byte(out, '}');
    }
    if (error->retry_after_ms > 0) {
        begin_detail(out, "RetryInfo");
        strbuf_printf(out, ",\"retryDelay\":\"%" PRId64, error->retry_after_ms / 1000);
        if (error->retry_after_ms % 1000 != 0) {
            strbuf_printf(out, ".%03d", (int)(error->retry_after_ms % 1000));
        }
        strbuf_append_cstr(out, "s\"}");
    }
}

// --- of the upstream ---

// Whether the JSON of a type is not the object of its fields, so that in an Any it
// stands under "value" (https://protobuf.dev/programming-guides/json/#any).
static bool is_special(struct slice full_name) {
    static const char package[] = "google.protobuf.";
    static const char *const names[] = {
        "Any",       "BoolValue",  "BytesValue",  "DoubleValue", "Duration",  "Empty",
        "FieldMask", "FloatValue", "Int32Value",  "Int64Value",  "ListValue", "StringValue",
        "Struct",    "Timestamp",  "UInt32Value", "UInt64Value", "Value",
    };
    if (!slice_starts_with(full_name, slice_of_cstr(package))) {
        return false;
    }
    struct slice name = slice_of(full_name.data + strlen(package), full_name.len - strlen(package));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_equal_cstr(name, names[i])) {
            return true;
        }
    }
    return false;
}

static void append_detail(struct strbuf *out, struct slice type_url, struct slice value,
                          const struct rpc_status_source *upstream) {
    const uint8_t *slash = type_url.len > 0 ? memrchr(type_url.data, '/', type_url.len) : NULL;
    if (slash == NULL) {
        return;
    }
    struct slice name = slice_of(slash + 1, type_url.len - (size_t)(slash + 1 - type_url.data));
    struct strbuf json = STRBUF_INIT;
    if (upstream->message_json(upstream->context, name, value, &json)) {
        append_comma(out);
        strbuf_append_cstr(out, "{\"@type\":");
        strbuf_append_json_string(out, type_url);
        if (is_special(name)) {
            strbuf_append_cstr(out, ",\"value\":");
            strbuf_append_slice(out, strbuf_slice(&json));
            strbuf_append_byte(out, '}');
        } else {
            // The object's members, and its closing brace.
            strbuf_append_cstr(out, json.len > 2 ? "," : "");
            strbuf_append(out, json.data + 1, json.len - 1);
        }
    }
    strbuf_release(&json);
}

static void append_any(struct strbuf *out, struct slice any,
                       const struct rpc_status_source *upstream) {
    struct slice type_url = SLICE_EMPTY;
    struct slice value = SLICE_EMPTY;
    const uint8_t *p = any.data;
    const uint8_t *end = any.data + any.len;
    while (p < end) {
        struct wire_field field;
        if (!wire_read_field(&p, end, &field)) {
            return;
        }
        if (field.number == ANY_TYPE_URL && field.type == WIRE_BYTES) {
            type_url = field.bytes;
        } else if (field.number == ANY_VALUE && field.type == WIRE_BYTES) {
            value = field.bytes;
        }
    }
    append_detail(out, type_url, value, upstream);
}

static void append_upstream_details(struct strbuf *out, const struct rpc_status_source *upstream) {
    const uint8_t *p = upstream->bytes.data;
    const uint8_t *end = p + upstream->bytes.len;
    while (p < end) {
        struct wire_field field;
        if (!wire_read_field(&p, end, &field)) {
            return;
        }
        if (field.number == STATUS_DETAILS_FIELD && field.type == WIRE_BYTES) {
            append_any(out, field.bytes, upstream);
        }
    }
}

void rpc_status_json_append(struct strbuf *out, const struct error *error,
                            const struct rpc_status_source *upstream) {
    strbuf_printf(out, "{\"code\":%d,\"message\":", (int)error->code);
    append_text(out, error->message);
    strbuf_append_cstr(out, ",\"details\":[");
    if (upstream != NULL && upstream->bytes.len > 0) {
        append_upstream_details(out, upstream);
    } else {
        append_own_details(out, error);
    }
    strbuf_append_cstr(out, "]}");
}
