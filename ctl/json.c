#include "ctl/json.h"

#include <stdio.h>

#include "base/core/check.h"
#include "base/core/strbuf.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "gateway/descriptor/schema.h"
#include "gateway/json/json_read.h"
#include "gateway/json/json_write.h"
#include "protos/descriptor_set.h"

// Compiles the product's own descriptor set and finds the message.
static struct schema *load(struct arena *a, const char *type,
                           const struct schema_message **ret_message) {
    struct slice set = runs_descriptor_set();
    struct schema *schema = NULL;
    const struct error *error = schema_new(a, &set, 1, &schema);
    CHECK(error == NULL); // it is compiled in, and tested
    (void)error;
    *ret_message = schema_find_message(schema, slice_of_cstr(type));
    CHECK(*ret_message != NULL);
    return schema;
}

const struct error *json_to_message(struct arena *a, const char *type, struct slice text,
                                    struct slice *ret_message) {
    const struct schema_message *message;
    struct schema *schema = load(a, type, &message);
    const struct json_read_options options = {.ignore_unknown = false};
    struct strbuf out = STRBUF_INIT;
    const struct error *error = json_read_message(schema, a, message, text, &options, &out);
    if (error == NULL) {
        *ret_message = arena_copy(a, strbuf_slice(&out));
    }
    strbuf_release(&out);
    schema_free(schema);
    return error;
}

int json_print_reply(const struct invocation *in, const char *type, struct slice bytes) {
    struct arena *a = in->arena;
    const struct schema_message *message;
    struct schema *schema = load(a, type, &message);
    struct strbuf text = STRBUF_INIT;
    const char *fault = NULL;
    int code = EXIT_CODE_OK;
    if (json_write_message(schema, a, message, bytes, &text, &fault)) {
        printf("%.*s\n", SLICE_FMT(strbuf_slice(&text)));
    } else {
        code = command_error(in,
                             error_new(a, STATUS_INTERNAL, REASON_NONE,
                                       "the server's reply is no %s: %s", type, fault),
                             NULL);
    }
    strbuf_release(&text);
    schema_free(schema);
    return code;
}
