#include "ctl/json.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/core/check.h"
#include "base/core/memory.h"
#include "base/core/strbuf.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/json_controls.h"
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

struct json_printer {
    struct arena arena; // of the schema
    struct schema *schema;
    const struct schema_message *message;
    const char *type;
};

struct json_printer *json_printer_new(const char *type) {
    struct json_printer *printer = mem_zalloc(sizeof(*printer));
    arena_init(&printer->arena);
    printer->schema = load(&printer->arena, type, &printer->message);
    printer->type = type;
    return printer;
}

void json_printer_free(struct json_printer *printer) {
    schema_free(printer->schema);
    arena_release(&printer->arena);
    free(printer);
}

// Returns what is wrong with the bytes; NULL if nothing.
static const char *write_json(struct json_printer *printer, struct arena *a, struct slice bytes,
                              struct strbuf *out) {
    const char *fault = NULL;
    return json_write_message(printer->schema, a, printer->message, bytes, out, &fault) ? NULL
                                                                                        : fault;
}

int json_printer_print(struct json_printer *printer, const struct invocation *in,
                       struct slice bytes) {
    struct strbuf text = STRBUF_INIT;
    const char *fault = write_json(printer, in->arena, bytes, &text);
    int code = EXIT_CODE_OK;
    if (fault == NULL) {
        struct strbuf safe = STRBUF_INIT;
        json_controls_escape(strbuf_slice(&text), &safe);
        fwrite(safe.data, 1, safe.len, stdout);
        strbuf_release(&safe);
    } else {
        code = command_error(in,
                             error_new(in->arena, STATUS_INTERNAL, REASON_NONE,
                                       "the server's reply is no %s: %s", printer->type, fault),
                             NULL);
    }
    strbuf_release(&text);
    return code;
}

const char *json_text(struct arena *a, const char *type, struct slice bytes) {
    struct json_printer *printer = json_printer_new(type);
    struct strbuf text = STRBUF_INIT;
    bool ok = write_json(printer, a, bytes, &text) == NULL;
    const char *result = ok ? arena_cstr(a, strbuf_slice(&text)) : NULL;
    strbuf_release(&text);
    json_printer_free(printer);
    return result;
}

int json_print_reply(const struct invocation *in, const char *type, struct slice bytes) {
    struct json_printer *printer = json_printer_new(type);
    int code = json_printer_print(printer, in, bytes);
    if (code == EXIT_CODE_OK) {
        putchar('\n');
    }
    json_printer_free(printer);
    return code;
}
