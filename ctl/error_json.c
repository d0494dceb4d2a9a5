#include "ctl/error_json.h"

#include <stdio.h>

#include "base/core/strbuf.h"
#include "base/log/stderr_print.h"
#include "ctl/json_controls.h"
#include "gateway/descriptor/schema.h"
#include "gateway/envelope.h"
#include "protos/descriptor_set.h"

static void append_text(struct strbuf *out, const char *text) {
    strbuf_append_json_string(out, text == NULL ? SLICE_EMPTY : slice_of_cstr(text));
}

static void append_metadata(struct strbuf *out, const struct error *error) {
    strbuf_append_cstr(out, ",\"metadata\":{");
    for (const struct error_metadata *m = error->metadata; m != NULL; m = m->next) {
        strbuf_append_cstr(out, m == error->metadata ? "" : ",");
        append_text(out, m->key);
        strbuf_append_byte(out, ':');
        append_text(out, m->value);
    }
    strbuf_append_byte(out, '}');
}

static void append_violations(struct strbuf *out, const struct error *error) {
    if (error->violations == NULL) {
        return;
    }
    strbuf_append_cstr(out, ",\"fieldViolations\":[");
    for (const struct field_violation *v = error->violations; v != NULL; v = v->next) {
        strbuf_append_cstr(out, v == error->violations ? "{\"field\":" : ",{\"field\":");
        append_text(out, v->field);
        strbuf_append_cstr(out, ",\"description\":");
        append_text(out, v->description);
        strbuf_append_byte(out, '}');
    }
    strbuf_append_byte(out, ']');
}

// The HTTP status that REST has for the error: reasons may have one of their own.
static int http_status_of(const struct error *error) {
    struct rpc_status_source status = {0};
    if (error->domain != NULL && error->reason != NULL) {
        struct slice set = runs_descriptor_set();
        struct schema *schema = NULL;
        struct arena a;
        arena_init(&a);
        if (schema_new(&a, &set, 1, &schema) == NULL) {
            status.http_status = schema_reason_http_status(schema, slice_of_cstr(error->domain),
                                                           slice_of_cstr(error->reason));
        }
        schema_free(schema);
        arena_release(&a);
    }
    return envelope_error_http_status(ENVELOPE_RUNS, error, &status);
}

void error_json_print(const struct error *error, const char *request_id, const char *hint) {
    struct strbuf json = STRBUF_INIT;
    strbuf_printf(&json, "{\"code\":%d,\"message\":", http_status_of(error));
    append_text(&json, error->message);
    strbuf_append_cstr(&json, ",\"requestId\":");
    append_text(&json, request_id);
    strbuf_printf(&json,
                  ",\"error\":{\"status\":\"%s\",\"reason\":", status_code_name((int)error->code));
    append_text(&json, error->reason);
    append_metadata(&json, error);
    append_violations(&json, error);
    strbuf_append_byte(&json, '}');
    if (hint != NULL) {
        strbuf_append_cstr(&json, ",\"hint\":");
        append_text(&json, hint);
    }
    strbuf_append_byte(&json, '}');
    struct strbuf line = STRBUF_INIT;
    // Else the line would have them spelled so that it were no JSON.
    json_controls_escape(strbuf_slice(&json), &line);
    stderr_print_line(strbuf_slice(&line));
    strbuf_release(&line);
    strbuf_release(&json);
}

void error_json_complain(const struct command_line *line, const char *text) {
    char hint[128];
    snprintf(hint, sizeof(hint), "see %s%s%s --help", line->program,
             line->command != NULL ? " " : "", line->command != NULL ? line->command : "");
    const struct error error = {.code = STATUS_INVALID_ARGUMENT, .message = text};
    error_json_print(&error, "", hint);
}
