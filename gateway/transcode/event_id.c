#include "gateway/transcode/event_id.h"

#include <inttypes.h>

#include "base/core/check.h"
#include "base/core/wire.h"
#include "gateway/json/scalar.h"
#include "gateway/transcode/marked_field.h"

static bool is_unsigned(const struct schema_field *f) {
    return f->type == SCHEMA_UINT32 || f->type == SCHEMA_UINT64 || f->type == SCHEMA_FIXED32 ||
           f->type == SCHEMA_FIXED64;
}

static bool is_signed(const struct schema_field *f) {
    return f->type == SCHEMA_INT32 || f->type == SCHEMA_INT64 || f->type == SCHEMA_SINT32 ||
           f->type == SCHEMA_SINT64 || f->type == SCHEMA_SFIXED32 || f->type == SCHEMA_SFIXED64;
}

static bool can_be_id(const struct schema_field *f) {
    return !f->repeated && (f->type == SCHEMA_STRING || is_unsigned(f) || is_signed(f));
}

static bool can_be_last_id(const struct schema_field *f) {
    return !f->repeated && scalar_has_text(f);
}

static const char unfit[] = "it is not of such a type";

const char *event_ids_find(struct arena *a, const struct schema_method *method,
                           struct event_ids *ret) {
    *ret = (struct event_ids){0};
    if (!method->server_streaming) {
        return NULL;
    }
    ret->request = method->input;
    const char *fault = marked_field_find(a, method->output, SCHEMA_EVENT_ID, "event_id", can_be_id,
                                          unfit, &ret->id);
    if (fault == NULL) {
        fault = marked_field_find(a, method->input, SCHEMA_LAST_EVENT_ID, "last_event_id",
                                  can_be_last_id, unfit, &ret->last_id);
    }
    return fault;
}

static struct slice number_text(struct arena *a, const struct schema_field *id, uint64_t value) {
    if (is_unsigned(id)) {
        return slice_of_cstr(arena_printf(a, "%" PRIu64, value));
    }
    int64_t number = (int64_t)value;
    if (id->type == SCHEMA_SINT32 || id->type == SCHEMA_SINT64) {
        number = (int64_t)(value >> 1 ^ (0 - (value & 1)));
    } else if (id->type == SCHEMA_INT32 || id->type == SCHEMA_SFIXED32) {
        number = (int32_t)value;
    }
    return slice_of_cstr(arena_printf(a, "%" PRId64, number));
}

struct slice event_id_of(struct arena *a, const struct schema_field *id, struct slice message) {
    struct wire_field field;
    if (!wire_find_last(message, id->number, (enum wire_type)id->wire_type, &field)) {
        return SLICE_EMPTY;
    }
    if (id->type == SCHEMA_STRING) {
        return field.bytes;
    }
    return field.value != 0 ? number_text(a, id, field.value) : SLICE_EMPTY;
}

static bool is_resumed(const struct schema_message *request, uint32_t number) {
    for (uint32_t i = 0; i < request->field_count; i++) {
        const struct schema_field *f = &request->fields[i];
        if (f->number == number) {
            return (f->marks & SCHEMA_NOT_RESUMED) == 0;
        }
    }
    return true;
}

// Appends the fields of message, which is well formed, but for those that are not resumed.
static void put_resumed(const struct schema_message *request, struct slice message,
                        struct strbuf *out) {
    const uint8_t *end = message.data + message.len;
    struct wire_field field;
    for (const uint8_t *p = message.data, *begin = p; p < end; begin = p) {
        bool is_field = wire_read_field(&p, end, &field);
        CHECK(is_field); // else the gateway, which made it, did not
        if (is_resumed(request, field.number)) {
            strbuf_append_slice(out, slice_of(begin, (size_t)(p - begin)));
        }
    }
}

const char *event_id_resume(struct arena *a, const struct event_ids *ids, struct slice text,
                            struct slice *message) {
    struct strbuf out = STRBUF_INIT;
    put_resumed(ids->request, *message, &out);
    scalar_put_tag(ids->last_id, &out);
    const char *fault = scalar_put_text(a, ids->last_id, text, &out);
    if (fault == NULL) {
        *message = arena_copy(a, strbuf_slice(&out));
    }
    strbuf_release(&out);
    return fault;
}
