#include "gateway/openapi/openapi_parameters.h"

#include <string.h>

#include "base/core/well_known_fields.h"
#include "gateway/json/scalar.h"
#include "gateway/openapi/doc.h"
#include "gateway/openapi/openapi_schema.h"

// --- path ---

static struct slice message_note(struct openapi_builder *b, const struct route_parts *route,
                                 const struct bound_field *field) {
    const struct schema_message *m =
        field->depth == 1 ? route->method->input : field->chain[field->depth - 2]->message;
    return openapi_schema_note(b, m, field->chain[field->depth - 1]);
}

static const char *wildcard_note(struct openapi_builder *b, const struct route_parts *route,
                                 const struct openapi_wildcard *w) {
    const char *rest =
        w->is_rest ? " Any number of segments, none too; slashes between them are sent as they are."
                   : "";
    if (w->field == NULL) {
        return arena_printf(&b->arena, "A segment that the method does not look at.%s", rest);
    }
    struct slice note = message_note(b, route, w->field);
    const char *part = "";
    if (!w->is_whole) {
        part = arena_printf(&b->arena, "%sWhat stands for the wildcard of `%s`, which is `%s`.",
                            note.len > 0 ? " " : "", openapi_path_field_name(&b->arena, w->field),
                            w->form);
    }
    return arena_printf(&b->arena, "%.*s%s%s", SLICE_FMT(note), part,
                        note.len == 0 && part[0] == '\0' && rest[0] != '\0' ? rest + 1 : rest);
}

static void put_wildcard(struct openapi_builder *b, const struct route_parts *route,
                         const struct openapi_wildcard *w) {
    doc_open(b->out, '{');
    doc_member_cstr(b->out, "name", w->name);
    doc_member_cstr(b->out, "in", "path");
    doc_member_bool(b->out, "required", true);
    const char *note = wildcard_note(b, route, w);
    if (note[0] != '\0') {
        doc_member_cstr(b->out, "description", note);
    }
    doc_open_member(b->out, "schema", '{');
    if (w->is_whole && !w->is_rest) {
        openapi_schema_text(b, w->field->chain[w->field->depth - 1]);
    } else {
        doc_member_cstr(b->out, "type", "string");
    }
    doc_close(b->out, '}');
    doc_close(b->out, '}');
}

// --- query ---

struct query {
    struct openapi_builder *builder;
    const struct route_parts *route;
    const struct schema_field *chain[BIND_DEPTH];
    size_t depth;
    size_t count;
    bool is_cut;
};

// Whether the path gives the field at the end of the chain.
static bool is_in_path(const struct query *q) {
    for (size_t i = 0; i < q->route->path->variable_count; i++) {
        const struct bound_field *v = &q->route->variables[i];
        if (v->depth == q->depth &&
            memcmp(v->chain, q->chain, sizeof(q->chain[0]) * q->depth) == 0) {
            return true;
        }
    }
    return false;
}

// Whether the message is recursive: it also occurs in the chain that leads to it.
static bool is_open(const struct query *q, const struct schema_message *m) {
    bool found = m == q->route->method->input;
    for (size_t i = 0; i + 1 < q->depth; i++) {
        found = found || q->chain[i]->message == m;
    }
    return found;
}

static void put_query_schema(struct openapi_builder *b, const struct schema_field *f) {
    doc_open_member(b->out, "schema", '{');
    if (f->map) {
        doc_member_cstr(b->out, "type", "object");
        doc_open_member(b->out, "additionalProperties", '{');
        openapi_schema_text(b, schema_field_by_number(f->message, MAP_VALUE));
        doc_close(b->out, '}');
    } else if (f->repeated) {
        doc_member_cstr(b->out, "type", "array");
        doc_open_member(b->out, "items", '{');
        openapi_schema_text(b, f);
        doc_close(b->out, '}');
    } else {
        openapi_schema_text(b, f);
    }
    doc_close(b->out, '}');
}

static void put_query_parameter(struct query *q, const struct schema_message *m,
                                const struct schema_field *f) {
    struct openapi_builder *b = q->builder;
    const struct bound_field field = {.chain = q->chain, .depth = q->depth};
    struct slice note = openapi_schema_note(b, m, f);
    doc_open(b->out, '{');
    doc_member_cstr(b->out, "name", openapi_path_field_name(&b->arena, &field));
    doc_member_cstr(b->out, "in", "query");
    if (note.len > 0) {
        doc_member_text(b->out, "description", note);
    }
    if (q->depth == 1 && (f->marks & SCHEMA_REQUIRED) != 0) {
        doc_member_bool(b->out, "required", true);
    }
    if ((f->marks & SCHEMA_DEPRECATED) != 0) {
        doc_member_bool(b->out, "deprecated", true);
    }
    if (f->map || f->repeated) {
        doc_member_cstr(b->out, "style", f->map ? "deepObject" : "form");
        doc_member_bool(b->out, "explode", true);
    }
    put_query_schema(b, f);
    doc_close(b->out, '}');
}

static void put_query_fields(struct query *q, const struct schema_message *m);

static void put_query_field(struct query *q, const struct schema_message *m,
                            const struct schema_field *f) {
    bool has_text = bind_has_text(f->map ? schema_field_by_number(f->message, MAP_VALUE) : f);
    if (has_text) {
        if (is_in_path(q)) {
            return;
        }
        if (q->count == OPENAPI_MOST_QUERY_PARAMETERS) {
            q->is_cut = true;
        } else {
            put_query_parameter(q, m, f);
            q->count++;
        }
    } else if (f->message != NULL && !f->repeated && f->message->known == KNOWN_NONE) {
        if (q->depth == BIND_DEPTH || is_open(q, f->message)) {
            q->is_cut = q->is_cut || q->depth < BIND_DEPTH;
        } else {
            put_query_fields(q, f->message);
        }
    }
}

// Whether bind_resolve accepts the field (gateway/transcode/bind.c).
static void put_query_fields(struct query *q, const struct schema_message *m) {
    for (uint32_t i = 0; i < m->field_count; i++) {
        if (q->depth == 0 && &m->fields[i] == q->route->body) {
            continue;
        }
        q->chain[q->depth++] = &m->fields[i];
        put_query_field(q, m, &m->fields[i]);
        q->depth--;
    }
}

// --- headers ---

static void put_header(struct openapi_builder *b, const char *key, const char *name,
                       const char *description, const char *type) {
    doc_open_member(b->out, key, '{');
    doc_member_cstr(b->out, "name", name);
    doc_member_cstr(b->out, "in", "header");
    doc_member_cstr(b->out, "description", description);
    doc_open_member(b->out, "schema", '{');
    doc_member_cstr(b->out, "type", type);
    doc_close(b->out, '}');
    doc_close(b->out, '}');
}

static void refer(struct openapi_builder *b, const char *name) {
    doc_open(b->out, '{');
    doc_member_ref(b->out, "parameters", name);
    doc_close(b->out, '}');
}

bool openapi_parameters_put(struct openapi_builder *b, const struct route_parts *route,
                            const struct openapi_path *path, bool has_etag) {
    for (size_t i = 0; i < path->wildcard_count; i++) {
        put_wildcard(b, route, &path->wildcards[i]);
    }
    struct query query = {.builder = b, .route = route};
    if (!route->whole_body) {
        put_query_fields(&query, route->method->input);
    }
    refer(b, "X-Request-Id");
    refer(b, "X-Request-Timeout");
    if (route->resumes) {
        refer(b, "Last-Event-ID");
        b->has_resumed = true;
    }
    if (route->takes_key) {
        refer(b, "Idempotency-Key");
        b->has_keys = true;
    }
    if (has_etag) {
        refer(b, "If-None-Match");
    }
    for (size_t i = 0; i < b->options->request_header_count; i++) {
        refer(b, b->options->request_headers[i].from);
    }
    return query.is_cut;
}

void openapi_parameters_components(struct openapi_builder *b) {
    put_header(b, "X-Request-Id", "X-Request-Id",
               "An id of the request, for replies and logs: 1 to 128 letters, digits and "
               "`._~:/+=@-`. Without a valid one the gateway makes one.",
               "string");
    put_header(b, "X-Request-Timeout", "X-Request-Timeout",
               "How many seconds the caller waits, at most the gateway's own time-out; then the "
               "reply is 504.",
               "number");
    if (b->has_resumed) {
        put_header(b, "Last-Event-ID", "Last-Event-ID",
                   "The `id` of the last event that the caller has seen, which a browser's "
                   "EventSource sends when it connects again: the stream goes on behind it, "
                   "whatever the URL says.",
                   "string");
    }
    if (b->has_keys) {
        put_header(
            b, "Idempotency-Key", "Idempotency-Key",
            "A key under which the request can be sent again: the same request with the same "
            "key is answered like the first one, and changes nothing more. A string of RFC "
            "8941, `\"k-1\"` say, or the key without quotes.",
            "string");
    }
    if (b->has_get) {
        put_header(b, "If-None-Match", "If-None-Match",
                   "The `ETag` of a reply that the caller has: the reply is 304 if it is still the "
                   "same.",
                   "string");
    }
    for (size_t i = 0; i < b->options->request_header_count; i++) {
        const struct header_mapping *h = &b->options->request_headers[i];
        put_header(b, h->from, h->from,
                   arena_printf(&b->arena, "Passed on to the service as `%s`.", h->to), "string");
    }
}
