#include "gateway/transcode/transcoder.h"

#include <stdlib.h>

#include "base/core/memory.h"
#include "base/core/utf8.h"
#include "base/core/wire.h"
#include "gateway/json/json_write.h"
#include "gateway/json/scalar.h"
#include "gateway/transcode/http_body.h"
#include "gateway/transcode/percent.h"
#include "gateway/transcode/required.h"
#include "gateway/transcode/transcoder_internal.h"
#include "gateway/transcode/update_mask.h"

static const char error_domain[] = REASON_DOMAIN_GATEWAY;

const struct error *transcoder_error(const struct error *error) {
    if (error != NULL) {
        ((struct error *)error)->domain = error_domain;
    }
    return error;
}

const struct error *transcoder_new(struct arena *a, const struct slice *descriptor_sets,
                                   size_t count, const struct transcoder_options *options,
                                   struct transcoder **ret_transcoder) {
    static const struct transcoder_options defaults = {.ignore_unknown = false};
    if (options == NULL) {
        options = &defaults;
    }
    struct transcoder *t = mem_zalloc(sizeof(*t));
    arena_init(&t->arena);
    route_table_init(&t->table, &t->arena);
    const struct schema_spelling spelling = {
        .emit_defaults = options->json.emit_defaults,
        .proto_names = options->json.proto_names,
        .enums_as_numbers = options->json.enums_as_numbers,
    };
    const struct error *error = schema_new_spelled(a, descriptor_sets, count, spelling, &t->schema);
    if (error == NULL) {
        t->read_options.ignore_unknown = options->ignore_unknown;
        t->read_options.round_numbers = options->json.round_numbers;
        t->ignored_query = (struct bind_ignored){
            .all = options->ignore_unknown_query,
            .keys = options->ignored_query,
            .key_count = options->ignored_query_count,
        };
        error = transcoder_compile(t, a, options->unbound_methods);
    }
    if (error != NULL) {
        transcoder_free(t);
        return transcoder_error(error);
    }
    *ret_transcoder = t;
    return NULL;
}

const char *transcoder_caller_rpc(const struct transcoder *transcoder) {
    return transcoder->caller_method != NULL ? transcoder->caller_method->path : NULL;
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

bool transcoder_route_takes_http_body(const struct transcoder_route *route) {
    return route->takes_http_body;
}

bool transcoder_route_returns_http_body(const struct transcoder_route *route) {
    return route->returns_http_body;
}

static const struct error *refuse_variable(struct arena *a, const char *name, const char *why) {
    struct error *e = error_new(a, STATUS_INVALID_ARGUMENT, REASON_PATH_INVALID,
                                "Path variable \"%s\" is invalid: %s.", name, why);
    error_add_violation(e, a, name, "%s", why);
    return transcoder_error(e);
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
        return transcoder_error(
            error_new(a, STATUS_INVALID_ARGUMENT, REASON_PATH_INVALID,
                      "The path is invalid: \"%%\" at offset %zu is not followed by "
                      "two hex digits.",
                      bad));
    }
    struct route_match found;
    switch (route_table_find(&transcoder->table, a, verb, path, &found)) {
    case ROUTE_NO_PATH:
        return transcoder_error(error_new(a, STATUS_NOT_FOUND, REASON_ROUTE_NOT_FOUND,
                                          "There is no resource at path %s.",
                                          scalar_quote(a, path)));
    case ROUTE_NO_METHOD: {
        struct error *e = error_new(a, STATUS_UNIMPLEMENTED, REASON_METHOD_NOT_ALLOWED,
                                    "Method %s is not allowed at path %s; allowed: %s.",
                                    scalar_quote(a, verb), scalar_quote(a, path), found.allow);
        error_add_metadata(e, a, "allow", found.allow);
        return transcoder_error(e);
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

static const struct error *put_http_body(struct arena *a, const struct transcoder_route *route,
                                         const struct transcoder_request *request,
                                         struct strbuf *out) {
    if (!utf8_valid(request->content_type)) {
        struct error *e = error_new(a, STATUS_INVALID_ARGUMENT, REASON_BODY_INVALID,
                                    "The body's Content-Type is no valid UTF-8.");
        error_add_violation(e, a, "content-type", "it is no valid UTF-8");
        return e;
    }
    struct strbuf body = STRBUF_INIT;
    http_body_put(request->content_type, request->body, &body);
    if (route->whole_body) {
        strbuf_append_slice(out, strbuf_slice(&body));
    } else {
        scalar_put_message(route->body, strbuf_slice(&body), out);
    }
    strbuf_release(&body);
    return NULL;
}

static bool is_json_space(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Whether the body is null, with which clients (axios) say that there is none.
static bool is_null(struct slice body) {
    while (body.len > 0 && is_json_space(body.data[0])) {
        body = slice_of(body.data + 1, body.len - 1);
    }
    while (body.len > 0 && is_json_space(body.data[body.len - 1])) {
        body.len--;
    }
    return slice_equal_cstr(body, "null");
}

static const struct error *encode_body(const struct transcoder *t, struct arena *a,
                                       const struct transcoder_route *route,
                                       const struct transcoder_request *request,
                                       struct strbuf *out) {
    struct slice body = request->body;
    if (body.len == 0) {
        return NULL;
    }
    if (route->takes_http_body) {
        return put_http_body(a, route, request, out);
    }
    if (!route->takes_null && is_null(body)) {
        return NULL;
    }
    if (route->whole_body) {
        return json_read_message(t->schema, a, route->method->input, body, &t->read_options, out);
    }
    if (route->body != NULL) {
        return json_read_field(t->schema, a, route->body, body, &t->read_options, out);
    }
    struct error *e = error_new(a, STATUS_INVALID_ARGUMENT, REASON_BODY_INVALID,
                                "%s %s takes no body, but %zu bytes were sent.", route->verb,
                                route->template_text, body.len);
    error_add_violation(e, a, "body", "no body is taken, but %zu bytes were sent", body.len);
    return e;
}

// A PATCH whose body has nothing but what is ignored.
static const struct error *refuse_ignored(struct arena *a) {
    struct error *e = error_new(a, STATUS_INVALID_ARGUMENT, REASON_BODY_INVALID,
                                "The body names no field that is known, so PATCH changes none.");
    error_add_violation(e, a, "body", "it names no field that is known");
    return e;
}

static const struct error *encode(const struct transcoder *t, struct arena *a,
                                  const struct transcoder_match *match,
                                  const struct transcoder_request *request, struct strbuf *out) {
    const struct transcoder_route *route = match->route;
    const struct error *error = encode_body(t, a, route, request, out);
    if (error == NULL && request->query.len > 0) {
        struct bind_taken taken = {route->variables, match->variable_count, route->body,
                                   route->whole_body};
        error = bind_query(a, route->method->input, request->query, &taken, &t->ignored_query,
                           &t->read_options, out);
    }
    if (error != NULL) {
        return error;
    }
    if (route->update_mask != NULL && request->body.len > 0 &&
        !update_mask_is_given(route->update_mask, strbuf_slice(out)) &&
        !update_mask_infer(a, route->update_mask, route->body, request->body, out)) {
        return refuse_ignored(a);
    }
    // Last, so that the path wins.
    for (size_t i = 0; i < match->variable_count; i++) {
        const struct template_variable *v = &route->path.variables[i];
        const char *fault =
            bind_put(a, &route->variables[i], decode_variable(a, v, match->variables[i]),
                     &t->read_options, out);
        if (fault != NULL) {
            return refuse_variable(a, arena_cstr(a, v->field_path), fault);
        }
    }
    return NULL;
}

static const struct error *check_required(struct arena *a, const struct transcoder_route *route,
                                          struct slice message) {
    const char *path = required_missing(a, route->method->input, message);
    if (path == NULL) {
        return NULL;
    }
    bool has_body = route->whole_body || route->body != NULL;
    struct error *e =
        error_new(a, STATUS_INVALID_ARGUMENT, has_body ? REASON_BODY_INVALID : REASON_QUERY_INVALID,
                  "The request lacks \"%s\", which is required.", path);
    error_add_violation(e, a, path, "it is required");
    return e;
}

const struct error *transcoder_encode_request(const struct transcoder *transcoder, struct arena *a,
                                              const struct transcoder_match *match,
                                              const struct transcoder_request *request,
                                              struct slice *ret_message) {
    struct strbuf out = STRBUF_INIT;
    const struct error *error = encode(transcoder, a, match, request, &out);
    if (error == NULL && match->route->method->input->has_required) {
        error = check_required(a, match->route, strbuf_slice(&out));
    }
    if (error == NULL) {
        *ret_message = arena_copy(a, strbuf_slice(&out));
    }
    strbuf_release(&out);
    return transcoder_error(error);
}

static const struct error *malformed(struct arena *a, const struct transcoder_route *route,
                                     struct slice message, const char *fault) {
    struct error *e = error_new(a, STATUS_INTERNAL, REASON_RESPONSE_MALFORMED,
                                "The upstream's reply could not be read.");
    e->detail = arena_printf(a, "%s: reply of %zu bytes as %.*s: %s", route->method->path,
                             message.len, SLICE_FMT(route->method->output->full_name), fault);
    return transcoder_error(e);
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
    return ok ? NULL : malformed(a, route, message, fault);
}

const struct error *transcoder_read_http_body(const struct transcoder *transcoder, struct arena *a,
                                              const struct transcoder_route *route,
                                              struct slice message, struct slice *ret_content_type,
                                              struct slice *ret_data) {
    (void)transcoder;
    bool ok = route->response_body == NULL ? http_body_read(message, ret_content_type, ret_data)
                                           : http_body_read_field(a, route->response_body, message,
                                                                  ret_content_type, ret_data);
    return ok ? NULL : malformed(a, route, message, "the google.api.HttpBody is malformed");
}

bool transcoder_message_json(const struct transcoder *transcoder, struct arena *a,
                             struct slice full_name, struct slice message, struct strbuf *out) {
    const struct schema_message *type = schema_find_message(transcoder->schema, full_name);
    const char *fault;
    return type != NULL && json_write_message(transcoder->schema, a, type, message, out, &fault);
}

// --- calls that wait ---

int64_t transcoder_call_wait_ms(const struct transcoder_route *route, struct slice message) {
    return call_wait_ms(route->call_wait, message);
}

// --- keys ---

bool transcoder_route_takes_key(const struct transcoder_route *route) {
    return route->key != NULL;
}

const struct error *transcoder_set_key(struct arena *a, const struct transcoder_route *route,
                                       struct slice key, struct slice *message) {
    struct slice other;
    if (request_key_set(a, route->key, key, message, &other)) {
        return NULL;
    }
    const char *field = arena_cstr(a, route->key->json_name);
    struct error *e = error_new(a, STATUS_INVALID_ARGUMENT, REASON_HEADER_INVALID,
                                "Header Idempotency-Key is %s, but field \"%s\" is %s: a request "
                                "has one key.",
                                scalar_quote(a, key), field, scalar_quote(a, other));
    error_add_violation(e, a, field, "it is another key than that of the header Idempotency-Key");
    return transcoder_error(e);
}

// --- events ---

bool transcoder_route_resumes(const struct transcoder_route *route) {
    return route->event_ids.last_id != NULL;
}

const struct error *transcoder_resume(struct arena *a, const struct transcoder_route *route,
                                      struct slice last_event_id, struct slice *message) {
    const char *fault = event_id_resume(a, &route->event_ids, last_event_id, message);
    return fault == NULL
               ? NULL
               : transcoder_error(error_new(a, STATUS_INVALID_ARGUMENT, REASON_HEADER_INVALID,
                                            "Header Last-Event-ID is invalid: %s.", fault));
}

struct slice transcoder_event_id(struct arena *a, const struct transcoder_route *route,
                                 struct slice message) {
    const struct schema_field *id = route->event_ids.id;
    return id != NULL ? event_id_of(a, id, message) : SLICE_EMPTY;
}

// --- errors ---

static struct slice text_or_empty(const char *text) {
    return text == NULL ? SLICE_EMPTY : slice_of_cstr(text);
}

int transcoder_reason_http_status(const struct transcoder *transcoder, const char *domain,
                                  const char *reason) {
    return schema_reason_http_status(transcoder->schema, text_or_empty(domain),
                                     text_or_empty(reason));
}
