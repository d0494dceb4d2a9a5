#include "gateway/edge/error_details.h"

#include "base/core/check.h"
#include "gateway/json/json_write.h"
#include "protos/error_details_descriptor_set.h"

struct schema *error_details_schema_new(void) {
    struct arena a;
    arena_init(&a);
    const struct slice set = error_details_descriptor_set();
    struct schema *schema;
    CHECK(schema_new(&a, &set, 1, &schema) == NULL); // it was checked when it was compiled in
    arena_release(&a);
    return schema;
}

bool error_details_json(void *details, struct slice full_name, struct slice message,
                        struct strbuf *out) {
    const struct error_details *d = details;
    if (transcoder_message_json(d->transcoder, d->arena, full_name, message, out)) {
        return true;
    }
    const struct schema_message *type = schema_find_message(d->schema, full_name);
    const char *fault;
    return type != NULL && json_write_message(d->schema, d->arena, type, message, out, &fault);
}
