#include "gateway/openapi/openapi_operation.h"

#include <string.h>

#include "gateway/openapi/doc.h"
#include "gateway/openapi/openapi_parameters.h"
#include "gateway/openapi/openapi_responses.h"
#include "gateway/openapi/openapi_schema.h"
#include "gateway/openapi/openapi_text.h"
#include "gateway/transcode/http_body.h"

static size_t last_dot(struct slice name) {
    size_t n = name.len;
    while (n > 0 && name.data[n - 1] != '.') {
        n--;
    }
    return n;
}

struct slice openapi_operation_service(const struct schema_method *method) {
    struct slice name = slice_of_cstr(method->name);
    size_t n = last_dot(name);
    return slice_of(name.data, n > 0 ? n - 1 : 0);
}

// --- words ---

static void put_words(struct openapi_builder *b, const struct route_parts *route,
                      const struct openapi_text *text, bool is_cut) {
    struct slice name = slice_of_cstr(route->method->name);
    size_t n = last_dot(name);
    struct slice summary =
        text->summary.len > 0 ? text->summary : slice_of(name.data + n, name.len - n);
    doc_member_text(b->out, "summary", summary);
    struct strbuf d = STRBUF_INIT;
    strbuf_append_slice(&d, text->description);
    if (is_cut) {
        strbuf_append_cstr(&d, d.len > 0 ? "\n\n" : "");
        strbuf_append_cstr(&d, "The query takes fields of nested messages that are not listed too, "
                               "such as `child.child.name`.");
    }
    if (route->update_mask != NULL) {
        strbuf_append_cstr(&d, d.len > 0 ? "\n\n" : "");
        strbuf_printf(&d,
                      "What of the resource is changed is what the body names, unless `%.*s` "
                      "says it.",
                      SLICE_FMT(route->update_mask->json_name));
    }
    strbuf_append_cstr(&d, d.len > 0 ? "\n\n" : "");
    strbuf_printf(&d, "Over gRPC: `%s`.", route->method->path + 1);
    doc_member_text(b->out, "description", strbuf_slice(&d));
    strbuf_release(&d);
}

// --- body ---

// The fields of the request itself that the path gives: the body need not.
static size_t fields_of_path(struct openapi_builder *b, const struct route_parts *route,
                             const struct schema_field ***ret) {
    size_t count = 0;
    *ret = ARENA_ARRAY(&b->arena, const struct schema_field *, route->path->variable_count);
    for (size_t i = 0; i < route->path->variable_count; i++) {
        if (route->variables[i].depth == 1) {
            (*ret)[count++] = route->variables[i].chain[0];
        }
    }
    return count;
}

static bool is_body_required(const struct route_parts *route,
                             const struct schema_field *const *in_path, size_t count) {
    if (route->body != NULL) {
        return (route->body->marks & SCHEMA_REQUIRED) != 0;
    }
    const struct schema_message *m = route->method->input;
    for (uint32_t i = 0; i < m->field_count; i++) {
        bool is_given = false;
        for (size_t k = 0; k < count; k++) {
            is_given = is_given || in_path[k] == &m->fields[i];
        }
        if ((m->fields[i].marks & SCHEMA_REQUIRED) != 0 && !is_given) {
            return true;
        }
    }
    return false;
}

static void put_body(struct openapi_builder *b, const struct route_parts *route) {
    bool is_raw = route->whole_body ? http_body_is(route->method->input)
                                    : route->body != NULL && http_body_is_field(route->body);
    if (!route->whole_body && route->body == NULL) {
        return;
    }
    const struct schema_field **in_path;
    size_t count = fields_of_path(b, route, &in_path);
    doc_open_member(b->out, "requestBody", '{');
    if (route->body != NULL) {
        struct slice note = openapi_schema_note(b, route->method->input, route->body);
        if (note.len > 0) {
            doc_member_text(b->out, "description", note);
        }
    }
    doc_member_bool(b->out, "required", is_body_required(route, in_path, count));
    doc_open_member(b->out, "content", '{');
    doc_open_member(b->out, is_raw ? "*/*" : "application/json", '{');
    doc_open_member(b->out, "schema", '{');
    if (is_raw) {
        // Bytes of any media type: no schema.
    } else if (route->body != NULL) {
        openapi_schema_type(b, route->body, OPENAPI_INPUT);
    } else {
        openapi_schema_body(b, route->method->input, in_path, count);
    }
    for (int i = 0; i < 4; i++) {
        doc_close(b->out, '}');
    }
}

// --- the operation ---

void openapi_operation_put(struct openapi_builder *b, const struct route_parts *route,
                           const struct openapi_path *path, unsigned binding, const char *verb,
                           const char *suffix) {
    const struct schema_method *method = route->method;
    struct openapi_text text =
        openapi_text_of(&b->arena, notes_of(&b->notes, slice_of_cstr(method->name)));
    struct openapi_success success = {
        .method = method,
        .response_body = route->response_body,
        .is_http_body = route->response_body != NULL ? http_body_is_field(route->response_body)
                                                     : http_body_is(method->output),
        .has_etag = strcmp(verb, "get") == 0 && !method->server_streaming,
        .is_repeated = route->takes_key,
    };
    b->has_get = b->has_get || success.has_etag;
    doc_open(b->out, '{');
    doc_open_member(b->out, "tags", '[');
    doc_text(b->out, openapi_operation_service(method));
    doc_close(b->out, ']');
    doc_member_cstr(b->out, "operationId",
                    binding == 0
                        ? arena_printf(&b->arena, "%s%s", method->name, suffix)
                        : arena_printf(&b->arena, "%s-%u%s", method->name, binding + 1, suffix));
    doc_open_member(b->out, "parameters", '[');
    bool is_cut = openapi_parameters_put(b, route, path, success.has_etag);
    doc_close(b->out, ']');
    put_words(b, route, &text, is_cut);
    if (method->deprecated) {
        doc_member_bool(b->out, "deprecated", true);
    }
    put_body(b, route);
    doc_open_member(b->out, "responses", '{');
    openapi_responses_put(b, &success, text.outcomes);
    doc_close(b->out, '}');
    doc_close(b->out, '}');
}
