#include <string.h>

#include "gateway/transcode/http_body.h"
#include "gateway/transcode/http_rule.h"
#include "gateway/transcode/transcoder_internal.h"
#include "gateway/transcode/update_mask.h"

// From the google.api.http rules of methods to routes.

static const struct error *refuse_rule(struct arena *a, const struct schema_method *method,
                                       const struct http_rule *rule, size_t column,
                                       const char *why) {
    const char *at = column == 0 ? "" : arena_printf(a, ", column %zu", column);
    const char *binding =
        rule->binding == 0 ? "" : arena_printf(a, "additional binding %u: ", rule->binding);
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_HTTP_RULE_INVALID,
                     "%s: method %s: %s%.*s \"%.*s\"%s: %s", method->file, method->name, binding,
                     SLICE_FMT(rule->method), SLICE_FMT(rule->path), at, why);
}

// What two variables of a template say of each other.
static const char *check_variables(struct arena *a, const struct path_template *path,
                                   const struct bound_field *variables, size_t first,
                                   size_t second) {
    switch (bind_relate(&variables[first], &variables[second])) {
    case BIND_SAME:
        return "two variables set the same field";
    case BIND_ONEOF:
        return arena_printf(a, "it excludes the variable \"%.*s\": both are of one oneof",
                            SLICE_FMT(path->variables[first].field_path));
    case BIND_APART:
        break;
    }
    return NULL;
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
        for (size_t k = 0; fault == NULL && k < i; k++) {
            fault = check_variables(a, path, route->variables, k, i);
        }
        if (fault != NULL) {
            return refuse_rule(a, route->method, rule, v->column, fault);
        }
    }
    return NULL;
}

// The field of a message that a rule names; NULL with *ret_error if there is none.
static const struct schema_field *find_named(struct arena *a, const struct transcoder_route *route,
                                             const struct http_rule *rule, const char *part,
                                             const struct schema_message *message,
                                             struct slice name, const struct error **ret_error) {
    const struct schema_field *f = bind_find_named(message, name);
    if (f == NULL) {
        *ret_error = refuse_rule(a, route->method, rule, 0,
                                 arena_printf(a, "%s: %s", part, bind_no_field(a, message, name)));
    }
    return f;
}

// What path and body say of each other. A variable within the body is sound (AIP-134): it wins.
static const struct error *check_body(struct arena *a, const struct transcoder_route *route,
                                      const struct http_rule *rule) {
    const struct schema_field *body = route->body;
    for (size_t i = 0; body != NULL && i < route->path.variable_count; i++) {
        const struct bound_field *variable = &route->variables[i];
        size_t column = route->path.variables[i].column;
        if (variable->chain[0] == body && variable->depth == 1) {
            return refuse_rule(a, route->method, rule, column, "the variable is the body, too");
        }
        if (variable->chain[0] != body && body->oneof >= 0 &&
            variable->chain[0]->oneof == body->oneof) {
            return refuse_rule(a, route->method, rule, column,
                               arena_printf(a,
                                            "it excludes the body \"%.*s\": both are of one oneof",
                                            SLICE_FMT(body->name)));
        }
    }
    return NULL;
}

// Whether null as the body is a value of its type.
static bool takes_null(const struct transcoder_route *route) {
    const struct schema_field *body = route->body;
    if (route->whole_body || body == NULL) {
        return route->whole_body && route->method->input->known == KNOWN_VALUE;
    }
    return body->type == SCHEMA_ENUM
               ? body->enumeration->null_value && !body->repeated
               : body->message != NULL && !body->repeated && body->message->known == KNOWN_VALUE;
}

static const struct error *compile_bodies(struct arena *a, struct transcoder_route *route,
                                          const struct http_rule *rule) {
    const struct schema_method *method = route->method;
    const struct error *error = NULL;
    if (slice_equal_cstr(rule->body, "*")) {
        route->whole_body = true;
    } else if (rule->body.len > 0) {
        route->body = find_named(a, route, rule, "body", method->input, rule->body, &error);
    }
    if (error == NULL && rule->response_body.len > 0) {
        route->response_body = find_named(a, route, rule, "response_body", method->output,
                                          rule->response_body, &error);
    }
    if (error == NULL) {
        error = check_body(a, route, rule);
    }
    if (error != NULL) {
        return error;
    }
    route->takes_null = takes_null(route);
    route->takes_http_body = route->whole_body
                                 ? http_body_is(method->input)
                                 : route->body != NULL && http_body_is_field(route->body);
    route->returns_http_body = route->response_body != NULL
                                   ? http_body_is_field(route->response_body)
                                   : http_body_is(method->output);
    if (slice_equal_cstr(rule->method, "PATCH")) {
        route->update_mask = update_mask_field(method->input, route->body);
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
    // By its length: a NUL in it is refused, not taken for its end.
    struct slice text = slice_of(route->template_text, rule->path.len);
    if (!template_parse(&t->arena, text, &route->path, &fault)) {
        return refuse_rule(a, method, rule, fault.column, fault.message);
    }
    const struct error *error = compile_variables(t, a, route, rule);
    if (error == NULL) {
        error = compile_bodies(a, route, rule);
    }
    if (error != NULL) {
        return error;
    }
    const char *fault_of_ids = event_ids_find(a, method, &route->event_ids);
    if (fault_of_ids != NULL) {
        return refuse_rule(a, method, rule, 0, fault_of_ids);
    }
    const char *fault_of_wait = call_wait_find(a, method, &route->call_wait);
    if (fault_of_wait != NULL) {
        return refuse_rule(a, method, rule, 0, fault_of_wait);
    }
    const char *fault_of_key = request_key_find(a, method, &route->key);
    if (fault_of_key != NULL) {
        return refuse_rule(a, method, rule, 0, fault_of_key);
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

// The rule that is used for a method that has none.
static struct http_rule *unbound_rule(struct arena *a, const struct schema_method *method) {
    struct http_rule *rule = ARENA_NEW(a, struct http_rule);
    rule->method = slice_of_cstr("POST");
    rule->path = slice_of_cstr(method->path);
    rule->body = slice_of_cstr("*");
    return rule;
}

// The rules of a method, in a; NULL if it has none.
static const struct error *read_rules(struct arena *a, const struct schema_method *method,
                                      bool unbound_methods, struct http_rule **ret_rules) {
    const char *fault;
    *ret_rules = NULL;
    if (!method->has_http) {
        *ret_rules = unbound_methods ? unbound_rule(a, method) : NULL;
        return NULL;
    }
    if (!http_rule_parse(a, method->http, ret_rules, &fault)) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_HTTP_RULE_INVALID, "%s: method %s: %s",
                         method->file, method->name, fault);
    }
    return NULL;
}

// Finds the method that verifies callers, if there is one.
static const struct error *find_caller_method(struct transcoder *t, struct arena *a) {
    const struct schema *s = t->schema;
    for (size_t i = 0; i < s->method_count; i++) {
        const struct schema_method *method = &s->methods[i];
        if (!method->verifies_caller) {
            continue;
        }
        const char *fault = NULL;
        if (method->client_streaming || method->server_streaming) {
            fault = "only a method without streams can have it";
        } else if (t->caller_method != NULL) {
            fault = arena_printf(a, "method %s in %s has it too, and callers are known by one",
                                 t->caller_method->name, t->caller_method->file);
        }
        if (fault != NULL) {
            return error_new(a, STATUS_INVALID_ARGUMENT, REASON_DESCRIPTOR_INVALID,
                             "%s: method %s: runsd.gateway.v1.verifies_caller: %s", method->file,
                             method->name, fault);
        }
        t->caller_method = method;
    }
    return NULL;
}

const struct error *transcoder_compile(struct transcoder *t, struct arena *a,
                                       bool unbound_methods) {
    const struct schema *s = t->schema;
    struct http_rule **rules = ARENA_ARRAY(a, struct http_rule *, s->method_count);
    size_t count = 0;
    for (size_t i = 0; i < s->method_count; i++) {
        const struct error *error = read_rules(a, &s->methods[i], unbound_methods, &rules[i]);
        if (error != NULL) {
            return error;
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
    return find_caller_method(t, a);
}
