#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_targets.h"

extern "C" {
#include "gateway/descriptor/schema.h"
#include "gateway/json/json_read.h"
#include "gateway/json/json_write.h"
}

// Any bytes as a descriptor set, which an upstream's reflection sends: it is refused with a
// reason, or its messages can be read and written.

namespace {

enum { MOST_MESSAGES = 16 };

void Use(const struct schema *schema, const struct schema_message *type, struct slice bytes) {
    const struct json_read_options options = {};
    fuzz::Arena a;
    fuzz::Buffer json, wire;
    const char *fault = nullptr;
    bool ok = json_write_message(schema, a, type, bytes, json, &fault);
    FUZZ_CHECK(ok || (fault != nullptr && json.b.len == 0), "no fault");
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct schema_field *f = &type->fields[i];
        FUZZ_CHECK(schema_field_by_number(type, f->number) == f, "field %u", f->number);
        fuzz::Buffer value;
        json_write_field_of(schema, a, type, f, SLICE_EMPTY, value, &fault);
    }
    if (ok) {
        json_read_message(schema, a, type, json.slice(), &options, wire);
    }
}

} // namespace

void FuzzDescriptor(const uint8_t *data, size_t size) {
    fuzz::Arena a;
    const struct slice set = slice_of(data, size);
    struct schema *schema = nullptr;
    const struct error *e = schema_new(a, &set, 1, &schema);
    if (e != nullptr) {
        FUZZ_CHECK(e->code == STATUS_INVALID_ARGUMENT && e->message[0] != '\0', "%d", e->code);
        return;
    }
    for (size_t i = 0; i < schema->message_count && i < MOST_MESSAGES; i++) {
        Use(schema, &schema->messages[i], set);
    }
    schema_free(schema);
}
