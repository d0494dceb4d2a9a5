#include "gateway/openapi/openapi_path.h"

#include <string.h>

#include "base/core/strbuf.h"

// What a path holds as it is (RFC 3986's pchar).
static bool is_plain(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("-._~!$&'()*+,;=:@", c) != NULL);
}

static void put_literal(struct strbuf *out, struct slice literal) {
    for (size_t i = 0; i < literal.len; i++) {
        if (is_plain(literal.data[i])) {
            strbuf_append_byte(out, literal.data[i]);
        } else {
            strbuf_printf(out, "%%%02X", literal.data[i]);
        }
    }
}

static const char *detach(struct arena *a, struct strbuf *text) {
    const char *copy = arena_cstr(a, strbuf_slice(text));
    strbuf_release(text);
    return copy;
}

const char *openapi_path_field_name(struct arena *a, const struct bound_field *field) {
    struct strbuf name = STRBUF_INIT;
    for (size_t i = 0; i < field->depth; i++) {
        strbuf_append_cstr(&name, i > 0 ? "." : "");
        strbuf_append_slice(&name, field->chain[i]->json_name);
    }
    return detach(a, &name);
}

// Whether tools that read paths take a name as a parameter's: dots they do not.
static bool is_name(struct slice name) {
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!is_letter && (c < '0' || c > '9')) {
            return false;
        }
    }
    return name.len > 0;
}

// The name of a path parameter: JSON names with "-" between, which no proto's name has.
static const char *parameter_name(struct arena *a, const struct bound_field *field) {
    struct strbuf name = STRBUF_INIT;
    for (size_t i = 0; i < field->depth; i++) {
        const struct schema_field *f = field->chain[i];
        strbuf_append_cstr(&name, i > 0 ? "-" : "");
        strbuf_append_slice(&name, is_name(f->json_name) ? f->json_name : f->name);
    }
    return detach(a, &name);
}

// "items/*" of a variable.
static const char *form_of(struct arena *a, const struct path_template *t,
                           const struct template_variable *v) {
    struct strbuf form = STRBUF_INIT;
    for (size_t i = 0; i < v->segment_count; i++) {
        const struct template_segment *s = &t->segments[v->first_segment + i];
        strbuf_append_cstr(&form, i > 0 ? "/" : "");
        if (s->kind == TEMPLATE_LITERAL) {
            strbuf_append_slice(&form, s->literal);
        } else {
            strbuf_append_cstr(&form, s->kind == TEMPLATE_ANY ? "*" : "**");
        }
    }
    return detach(a, &form);
}

static size_t wildcards_in(const struct path_template *t, size_t first, size_t count) {
    size_t found = 0;
    for (size_t i = first; i < first + count; i++) {
        found += t->segments[i].kind != TEMPLATE_LITERAL;
    }
    return found;
}

// The index of the variable that a segment belongs to; variable_count if to none.
static size_t variable_at(const struct path_template *t, size_t segment) {
    size_t i = 0;
    while (i < t->variable_count &&
           (segment < t->variables[i].first_segment ||
            segment >= t->variables[i].first_segment + t->variables[i].segment_count)) {
        i++;
    }
    return i;
}

static bool is_taken(const struct openapi_path *path, const char *name) {
    for (size_t i = 0; i < path->wildcard_count; i++) {
        if (strcmp(path->wildcards[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void add_wildcard(struct arena *a, const struct route_parts *route, size_t segment,
                         struct openapi_path *path) {
    const struct path_template *t = route->path;
    struct openapi_wildcard w = {.is_rest = t->segments[segment].kind == TEMPLATE_REST};
    size_t at = variable_at(t, segment);
    if (at == t->variable_count) {
        w.name = arena_printf(a, "segment%zu", segment + 1);
    } else {
        const struct template_variable *v = &t->variables[at];
        w.field = &route->variables[at];
        w.is_whole = v->segment_count == 1;
        w.form = form_of(a, t, v);
        const char *field = parameter_name(a, w.field);
        size_t before = wildcards_in(t, v->first_segment, segment - v->first_segment);
        w.name = wildcards_in(t, v->first_segment, v->segment_count) == 1
                     ? field
                     : arena_printf(a, "%s-%zu", field, before + 1);
    }
    while (is_taken(path, w.name)) {
        w.name = arena_printf(a, "%s_", w.name);
    }
    path->wildcards[path->wildcard_count++] = w;
}

// The path with names, or without: then an equal text is the same path to OpenAPI.
static const char *write_path(struct arena *a, const struct route_parts *route,
                              const struct openapi_path *path, bool with_names) {
    const struct path_template *t = route->path;
    struct strbuf text = STRBUF_INIT;
    size_t wildcard = 0;
    for (size_t i = 0; i < t->segment_count; i++) {
        strbuf_append_byte(&text, '/');
        if (t->segments[i].kind == TEMPLATE_LITERAL) {
            put_literal(&text, t->segments[i].literal);
        } else {
            const char *name = path->wildcards[wildcard++].name;
            strbuf_printf(&text, "{%s}", with_names ? name : "");
        }
    }
    if (t->segment_count == 0) {
        strbuf_append_byte(&text, '/');
    }
    if (t->verb.len > 0) {
        strbuf_append_byte(&text, ':');
        put_literal(&text, t->verb);
    }
    return detach(a, &text);
}

struct openapi_path openapi_path_of(struct arena *a, const struct route_parts *route) {
    const struct path_template *t = route->path;
    struct openapi_path path = {
        .wildcards = ARENA_ARRAY(a, struct openapi_wildcard, t->segment_count),
    };
    for (size_t i = 0; i < t->segment_count; i++) {
        if (t->segments[i].kind != TEMPLATE_LITERAL) {
            add_wildcard(a, route, i, &path);
        }
    }
    path.text = write_path(a, route, &path, true);
    path.shape = write_path(a, route, &path, false);
    return path;
}

void openapi_path_rename(struct openapi_path *path, const struct openapi_path *first) {
    for (size_t i = 0; i < path->wildcard_count; i++) {
        path->wildcards[i].name = first->wildcards[i].name;
    }
    path->text = first->text;
}
