#include "gateway/transcode/transcoder.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "gateway/descriptor/schema.h"
#include "gateway/transcode/bind.h"
#include "gateway/transcode/http_rule.h"
#include "gateway/transcode/json_read.h"
#include "gateway/transcode/json_write.h"
#include "gateway/transcode/percent.h"
#include "gateway/transcode/route_table.h"
#include "gateway/transcode/scalar.h"

static const char error_domain[] = "gateway.v1";

struct transcoder_route {
    const struct schema_method *method;
    size_t method_index;
    const char *verb;
    const char *template_text;
    struct path_template path;
    struct bound_field *variables; // one for each of the template's
    bool whole_body;
    const struct schema_field *body;          // NULL unless the body is one field
    const struct schema_field *response_body; // NULL for the whole message
};

struct transcoder {
    struct arena arena; // owns everything but the schema
    struct schema *schema;
    struct transcoder_route *routes;
    size_t route_count;
    size_t method_count; // that have routes
    struct route_table table;
};

static const struct error *in_domain(const struct error *error) {
    if (error != NULL) {
        ((struct error *)error)->domain = error_domain;
    }
    return error;
}

static const struct error *refuse_rule(struct arena *a, const struct schema_method *method,
                                       const struct http_rule *rule, size_t column,
                                       const char *why) {
    const char *at = column == 0 ? "" : arena_printf(a, ", column %zu", column);
    return error_new(a, STATUS_INVALID_ARGUMENT, "HTTP_RULE_INVALID",
                     "%s: method %s: %.*s \"%.*s\"%s: %s", method->file, method->name,
                     SLICE_FMT(rule->method), SLICE_FMT(rule->path), at, why);
}

static const struct error *compile_variables(struct transcoder *t, struct arena *a,
                                             struct transcoder_route *route,
                                             const struct http_rule *rule) {
    const struct path_template *path = &route->path;
    route->variables = ARENA_ARRAY(&t->arena, struct bound_field, path->variable_count);
    for (size_t i = 0; i < path->variable_count; i++) {
        const struct template_variable *v = &path->variables[i];
        struct bound_field *field = &route->variables[i];
        const char *fault = bind_resolve(&t->arena, route->method->input, v->field_path, field);
        if (fault == NULL && field->chain[field->depth - 1]->repeated) {
            fault = "a repeated field cannot be a path variable";
        }
        for (size_t k = 0; fault == NULL && k < i; k++) {
            const struct bound_field *other = &route->variables[k];
            bool same =
                other->depth == field->depth &&
                memcmp(other->chain, field->chain, sizeof(field->chain[0]) * field->depth) == 0;
            fault = same ? "two variables set the same field" : NULL;
        }
        if (fault != NULL) {
            return refuse_rule(a, route->method, rule, v->column, fault);
        }
    }
    return NULL;
}

static const struct error *compile_bodies(struct arena *a, struct transcoder_route *route,
                                          const struct http_rule *rule) {
    if (slice_equal_cstr(rule->body, "*")) {
        route->whole_body = true;
    } else if (rule->body.len > 0) {
        route->body = schema_find_field(route->method->input, rule->body);
        if (route->body == NULL) {
            return refuse_rule(a, route->method, rule, 0,
                               arena_printf(a, "body: %.*s has no field \"%.*s\"",
                                            SLICE_FMT(route->method->input->full_name),
                                            SLICE_FMT(rule->body)));
        }
    }
    if (rule->response_body.len > 0) {
        route->response_body = schema_find_field(route->method->output, rule->response_body);
        if (route->response_body == NULL) {
            return refuse_rule(a, route->method, rule, 0,
                               arena_printf(a, "response_body: %.*s has no field \"%.*s\"",
                                            SLICE_FMT(route->method->output->full_name),
                                            SLICE_FMT(rule->response_body)));
        }
    }
    return NULL;
}

static const struct error *compile_rule(struct transcoder *t, struct arena *a,
                                        const struct schema_method *method,
                                        const struct http_rule *rule) {
    size_t index = t->route_count;
    struct transcoder_route *route = &t->routes[index];
    *route = (struct transcoder_route){
        .method = method,
        .method_index = t->method_count,
        .verb = arena_cstr(&t->arena, rule->method),
        .template_text = arena_cstr(&t->arena, rule->path),
    };
    struct template_fault fault;
    if (!template_parse(&t->arena, slice_of_cstr(route->template_text), &route->path, &fault)) {
        return refuse_rule(a, method, rule, fault.column, fault.message);
    }
    const struct error *error = compile_variables(t, a, route, rule);
    if (error == NULL) {
        error = compile_bodies(a, route, rule);
    }
    if (error != NULL) {
        return error;
    }
    size_t other;
    if (!route_table_add(&t->table, &route->path, slice_of_cstr(route->verb), index, &other)) {
        const struct transcoder_route *first = &t->routes[other];
        return refuse_rule(a, method, rule, 1,
                           arena_printf(a,
                                        "matches the same requests as %s \"%s\" of method %s "
                                        "in %s",
                                        first->verb, first->template_text, first->method->name,
                                        first->method->file));
    }
    t->route_count++;
    return NULL;
}

static const struct error *compile_routes(struct transcoder *t, struct arena *a) {
    const struct schema *s = t->schema;
    struct http_rule **rules = ARENA_ARRAY(a, struct http_rule *, s->method_count);
    size_t count = 0;
    for (size_t i = 0; i < s->method_count; i++) {
        const char *fault;
        if (!s->methods[i].has_http) {
            continue;
        }
        if (!http_rule_parse(a, s->methods[i].http, &rules[i], &fault)) {
            return error_new(a, STATUS_INVALID_ARGUMENT, "HTTP_RULE_INVALID", "%s: method %s: %s",
                             s->methods[i].file, s->methods[i].name, fault);
        }
        for (const struct http_rule *r = rules[i]; r != NULL; r = r->next) {
            count++;
        }
    }
    t->routes = ARENA_ARRAY(&t->arena, struct transcoder_route, count);
    for (size_t i = 0; i < s->method_count; i++) {
        for (const struct http_rule *r = rules[i]; r != NULL; r = r->next) {
            const struct error *error = compile_rule(t, a, &s->methods[i], r);
            if (error != NULL) {
                return error;
            }
        }
        t->method_count += rules[i] != NULL;
    }
    return NULL;
}

const struct error *transcoder_new(struct arena *a, const struct slice *descriptor_sets,
                                   size_t count, struct transcoder **ret_transcoder) {
    struct transcoder *t = mem_zalloc(sizeof(*t));
    arena_init(&t->arena);
    route_table_init(&t->table, &t->arena);
    const struct error *error = schema_new(a, descriptor_sets, count, &t->schema);
    if (error == NULL) {
        error = compile_routes(t, a);
    }
    if (error != NULL) {
        transcoder_free(t);
        return in_domain(error);
    }
    *ret_transcoder = t;
    return NULL;
}

void transcoder_free(struct transcoder *transcoder) {
    if (transcoder != NULL) {
        schema_free(transcoder->schema);
        arena_release(&transcoder->arena);
        free(transcoder);
    }
}

size_t transcoder_route_count(const struct transcoder *transcoder) {
    return transcoder->route_count;
}

const struct transcoder_route *transcoder_route_at(const struct transcoder *transcoder,
                                                   size_t index) {
    return &transcoder->routes[index];
}

const char *transcoder_route_rpc(const struct transcoder_route *route) {
    return route->method->path;
}

size_t transcoder_route_method_index(const struct transcoder_route *route) {
    return route->method_index;
}

const char *transcoder_route_verb(const struct transcoder_route *route) {
    return route->verb;
}

const char *transcoder_route_template(const struct transcoder_route *route) {
    return route->template_text;
}

bool transcoder_route_client_streaming(const struct transcoder_route *route) {
    return route->method->client_streaming;
}

bool transcoder_route_server_streaming(const struct transcoder_route *route) {
    return route->method->server_streaming;
}

static const struct error *refuse_variable(struct arena *a, const char *name, const char *why) {
    struct error *e = error_new(a, STATUS_INVALID_ARGUMENT, "PATH_INVALID",
                                "Path variable \"%s\" is invalid: %s.", name, why);
    error_add_violation(e, a, name, "%s", why);
    return in_domain(e);
}

// The raw part of the path that a variable spans.
static struct slice variable_text(const struct path_template *t, const struct template_variable *v,
                                  const struct route_match *match) {
    size_t last = v->first_segment + v->segment_count - 1;
    // "**" takes all that is left, which may be nothing.
    if (t->segments[last].kind == TEMPLATE_REST) {
        last = match->segment_count - 1;
    }
    if (last < v->first_segment) {
        return SLICE_EMPTY;
    }
    const uint8_t *start = match->segments[v->first_segment].data;
    const uint8_t *end = match->segments[last].data + match->segments[last].len;
    return slice_of(start, (size_t)(end - start));
}

static struct slice decode_variable(struct arena *a, const struct template_variable *v,
                                    struct slice raw) {
    return percent_decode(a, raw, v->multi ? PERCENT_KEEP_SLASH : PERCENT_ALL);
}

const struct error *transcoder_match_route(const struct transcoder *transcoder, struct arena *a,
                                           struct slice verb, struct slice path,
                                           struct transcoder_match *ret_match) {
    size_t bad;
    if (!percent_valid(path, &bad)) {
        return in_domain(error_new(a, STATUS_INVALID_ARGUMENT, "PATH_INVALID",
                                   "The path is invalid: \"%%\" at offset %zu is not followed by "
                                   "two hex digits.",
                                   bad));
    }
    struct route_match found;
    switch (route_table_find(&transcoder->table, a, verb, path, &found)) {
    case ROUTE_NO_PATH:
        return in_domain(error_new(a, STATUS_NOT_FOUND, "ROUTE_NOT_FOUND",
                                   "There is no resource at path %s.", scalar_quote(a, path)));
    case ROUTE_NO_METHOD: {
        struct error *e = error_new(a, STATUS_UNIMPLEMENTED, "METHOD_NOT_ALLOWED",
                                    "Method %s is not allowed at path %s; allowed: %s.",
                                    scalar_quote(a, verb), scalar_quote(a, path), found.allow);
        error_add_metadata(e, a, "allow", found.allow);
        return in_domain(e);
    }
    case ROUTE_FOUND:
        break;
    }
    const struct transcoder_route *route = &transcoder->routes[found.route];
    const struct path_template *t = &route->path;
    struct slice *variables = ARENA_ARRAY(a, struct slice, t->variable_count);
    for (size_t i = 0; i < t->variable_count; i++) {
        const struct template_variable *v = &t->variables[i];
        variables[i] = variable_text(t, v, &found);
        if (!utf8_valid(decode_variable(a, v, variables[i]))) {
            return refuse_variable(a, arena_cstr(a, v->field_path), "it decodes to no valid UTF-8");
        }
    }
    *ret_match = (struct transcoder_match){route, variables, t->variable_count};
    return NULL;
}

static const struct error *encode_body(const struct transcoder *t, struct arena *a,
                                       const struct transcoder_route *route, struct slice body,
                                       struct strbuf *out) {
    static const struct json_read_options options = {.ignore_unknown = false};
    if (body.len == 0) {
        return NULL;
    }
    if (route->whole_body) {
        return json_read_message(t->schema, a, route->method->input, body, &options, out);
    }
    if (route->body != NULL) {
        return json_read_field(t->schema, a, route->body, body, &options, out);
    }
    struct error *e = error_new(a, STATUS_INVALID_ARGUMENT, "BODY_INVALID",
                                "%s %s takes no body, but %zu bytes were sent.", route->verb,
                                route->template_text, body.len);
    error_add_violation(e, a, "body", "no body is taken, but %zu bytes were sent", body.len);
    return e;
}

static const struct error *encode(const struct transcoder *t, struct arena *a,
                                  const struct transcoder_match *match, struct slice query,
                                  struct slice body, struct strbuf *out) {
    const struct transcoder_route *route = match->route;
    const struct error *error = encode_body(t, a, route, body, out);
    if (error != NULL) {
        return error;
    }
    if (query.len > 0) {
        struct bind_taken taken = {route->variables, match->variable_count, route->body,
                                   route->whole_body};
        error = bind_query(a, route->method->input, query, &taken, out);
        if (error != NULL) {
            return error;
        }
    }
    // Last, so that the path wins.
    for (size_t i = 0; i < match->variable_count; i++) {
        const struct template_variable *v = &route->path.variables[i];
        const char *fault =
            bind_put(a, &route->variables[i], decode_variable(a, v, match->variables[i]), out);
        if (fault != NULL) {
            return refuse_variable(a, arena_cstr(a, v->field_path), fault);
        }
    }
    return NULL;
}

const struct error *transcoder_encode_request(const struct transcoder *transcoder, struct arena *a,
                                              const struct transcoder_match *match,
                                              struct slice query, struct slice body,
                                              struct slice *ret_message) {
    struct strbuf out = STRBUF_INIT;
    const struct error *error = encode(transcoder, a, match, query, body, &out);
    if (error == NULL) {
        *ret_message = arena_copy(a, strbuf_slice(&out));
    }
    strbuf_release(&out);
    return in_domain(error);
}

const struct error *transcoder_decode_response(const struct transcoder *transcoder, struct arena *a,
                                               const struct transcoder_route *route,
                                               struct slice message, struct strbuf *out) {
    const struct schema_message *type = route->method->output;
    const char *fault;
    bool ok = route->response_body == NULL
                  ? json_write_message(transcoder->schema, a, type, message, out, &fault)
                  : json_write_field_of(transcoder->schema, a, type, route->response_body, message,
                                        out, &fault);
    if (ok) {
        return NULL;
    }
    struct error *e = error_new(a, STATUS_INTERNAL, "RESPONSE_MALFORMED",
                                "The upstream's reply could not be read.");
    e->detail = arena_printf(a, "%s: reply of %zu bytes as %.*s: %s", route->method->path,
                             message.len, SLICE_FMT(type->full_name), fault);
    return in_domain(e);
}
