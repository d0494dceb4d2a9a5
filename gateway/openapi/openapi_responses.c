#include "gateway/openapi/openapi_responses.h"

#include "gateway/envelope.h"
#include "gateway/openapi/doc.h"
#include "gateway/openapi/openapi_errors.h"
#include "gateway/openapi/openapi_examples.h"
#include "gateway/openapi/openapi_schema.h"

// No name in a proto holds "-".
static const char error_schema[] = "Error-Reply";
static const char details_schema[] = "Error-Details";

enum { HTTP_UNAUTHORIZED = 401, HTTP_TOO_MANY_REQUESTS = 429, HTTP_UNAVAILABLE = 503 };

// --- headers ---

static void refer_to_header(struct openapi_builder *b, const char *name) {
    doc_open_member(b->out, name, '{');
    doc_member_ref(b->out, "headers", name);
    doc_close(b->out, '}');
}

static void open_headers(struct openapi_builder *b) {
    doc_open_member(b->out, "headers", '{');
    refer_to_header(b, "X-Request-Id");
    refer_to_header(b, "RateLimit-Policy");
    refer_to_header(b, "RateLimit");
}

static void put_mapped_headers(struct openapi_builder *b) {
    for (size_t i = 0; i < b->options->response_header_count; i++) {
        refer_to_header(b, b->options->response_headers[i].to);
    }
}

static void put_header(struct openapi_builder *b, const char *name, const char *description,
                       const char *type) {
    doc_open_member(b->out, name, '{');
    doc_member_cstr(b->out, "description", description);
    doc_open_member(b->out, "schema", '{');
    doc_member_cstr(b->out, "type", type);
    doc_close(b->out, '}');
    doc_close(b->out, '}');
}

void openapi_responses_headers(struct openapi_builder *b) {
    put_header(b, "X-Request-Id", "The request's id: the caller's, or one that was made for it.",
               "string");
    put_header(b, "Retry-After", "After how many seconds it may be tried again.", "integer");
    put_header(b, "WWW-Authenticate", "`Bearer`.", "string");
    put_header(b, "RateLimit-Policy",
               "Which limits the service has for who asks, where it has any: a list as "
               "`\"reads\";q=200;w=2`, `q` in `w` seconds.",
               "string");
    put_header(
        b, "RateLimit",
        "What is left of them: a list as `\"reads\";r=199;t=1`, no more than `r` in the next "
        "`t` seconds.",
        "string");
    if (b->has_get) {
        put_header(b, "ETag", "Of the data, for `If-None-Match`.", "string");
    }
    if (b->has_keys) {
        put_header(b, "Idempotency-Replayed",
                   "`true`: an earlier request with the same `Idempotency-Key` has done it.",
                   "string");
    }
    for (size_t i = 0; i < b->options->response_header_count; i++) {
        const struct header_mapping *h = &b->options->response_headers[i];
        put_header(b, h->to, arena_printf(&b->arena, "`%s` of the service's reply.", h->from),
                   "string");
    }
}

// --- success ---

static void put_request_id(struct openapi_builder *b) {
    doc_open_member(b->out, "requestId", '{');
    doc_member_cstr(b->out, "type", "string");
    doc_member_cstr(b->out, "description", "As in the header `X-Request-Id`.");
    doc_open_member(b->out, "examples", '[');
    doc_text(b->out, openapi_examples_request_id());
    doc_close(b->out, ']');
    doc_close(b->out, '}');
}

static void put_required(struct openapi_builder *b, const char *const *names, size_t count) {
    doc_open_member(b->out, "required", '[');
    for (size_t i = 0; i < count; i++) {
        doc_cstr(b->out, names[i]);
    }
    doc_close(b->out, ']');
}

// The message, or the field of it that is the reply. A message that is not set is null then.
static void put_data(struct openapi_builder *b, const struct openapi_success *success) {
    const struct schema_field *f = success->response_body;
    if (f == NULL) {
        openapi_schema_message(b, success->method->output, OPENAPI_REPLY);
    } else if (f->message != NULL && !f->repeated) {
        doc_open_member(b->out, "anyOf", '[');
        doc_open(b->out, '{');
        openapi_schema_type(b, f, OPENAPI_REPLY);
        doc_close(b->out, '}');
        doc_open(b->out, '{');
        doc_member_cstr(b->out, "type", "null");
        doc_close(b->out, '}');
        doc_close(b->out, ']');
    } else {
        openapi_schema_field(b, success->method->output, f, OPENAPI_REPLY);
    }
}

static void put_envelope(struct openapi_builder *b, const struct openapi_success *success) {
    static const char *const names[] = {"code", "data", "message", "requestId"};
    doc_member_cstr(b->out, "type", "object");
    doc_open_member(b->out, "properties", '{');
    doc_open_member(b->out, "code", '{');
    doc_member_cstr(b->out, "type", "integer");
    doc_member_int(b->out, "const", 200);
    doc_close(b->out, '}');
    doc_open_member(b->out, "data", '{');
    put_data(b, success);
    doc_close(b->out, '}');
    doc_open_member(b->out, "message", '{');
    doc_member_cstr(b->out, "type", "string");
    doc_member_cstr(b->out, "const", "success");
    doc_close(b->out, '}');
    put_request_id(b);
    doc_close(b->out, '}');
    put_required(b, names, sizeof(names) / sizeof(names[0]));
}

static void put_only_property(struct openapi_builder *b, const char *name, bool is_error,
                              const struct openapi_success *success) {
    doc_open(b->out, '{');
    doc_member_cstr(b->out, "type", "object");
    doc_open_member(b->out, "properties", '{');
    doc_open_member(b->out, name, '{');
    if (is_error) {
        doc_member_ref(b->out, "schemas", error_schema);
    } else {
        put_data(b, success);
    }
    doc_close(b->out, '}');
    doc_close(b->out, '}');
    put_required(b, &name, 1);
    doc_close(b->out, '}');
}

// One object of a stream: a message, or the error that ends it.
static void put_stream_item(struct openapi_builder *b, const struct openapi_success *success) {
    doc_open_member(b->out, "anyOf", '[');
    if (b->options->envelope == ENVELOPE_NONE) {
        put_only_property(b, "result", false, success);
        put_only_property(b, "error", true, success);
    } else {
        doc_open(b->out, '{');
        put_envelope(b, success);
        doc_close(b->out, '}');
        doc_open(b->out, '{');
        doc_member_ref(b->out, "schemas", error_schema);
        doc_close(b->out, '}');
    }
    doc_close(b->out, ']');
}

static void put_example(struct openapi_builder *b, const struct openapi_success *success) {
    bool is_message = !success->is_http_body && !success->method->server_streaming &&
                      success->response_body == NULL;
    struct slice example = is_message ? openapi_examples_reply(b, success->method) : SLICE_EMPTY;
    if (example.len > 0) {
        doc_key(b->out, "example");
        doc_raw(b->out, example);
    }
}

// A stream as one array.
static void put_stream_array(struct openapi_builder *b, const struct openapi_success *success) {
    doc_open_member(b->out, "application/json", '{');
    doc_open_member(b->out, "schema", '{');
    doc_member_cstr(b->out, "type", "array");
    doc_open_member(b->out, "items", '{');
    put_stream_item(b, success);
    doc_close(b->out, '}');
    doc_close(b->out, '}');
    doc_close(b->out, '}');
}

static void put_media_type(struct openapi_builder *b, const char *type,
                           const struct openapi_success *success) {
    doc_open_member(b->out, type, '{');
    doc_open_member(b->out, "schema", '{');
    if (success->is_http_body) {
        // Bytes of any media type: no schema.
    } else if (success->method->server_streaming) {
        put_stream_item(b, success);
    } else if (b->options->envelope == ENVELOPE_NONE) {
        put_data(b, success);
    } else {
        put_envelope(b, success);
    }
    doc_close(b->out, '}');
    put_example(b, success);
    doc_close(b->out, '}');
}

static const char *success_note(const struct openapi_success *success) {
    if (success->is_http_body) {
        return success->method->server_streaming
                   ? "OK: a stream of bytes, of the media type that the service says."
                   : "OK: bytes of the media type that the service says.";
    }
    return success->method->server_streaming
               ? "OK: a stream of objects. NDJSON has one a line, and empty lines while it is "
                 "quiet; to who accepts `text/event-stream` each is the data of an event, and "
                 "comments are sent while it is quiet. What fails midway ends it with an error "
                 "object, which is an event named `stream-error`."
               : "OK";
}

static void put_success(struct openapi_builder *b, const struct openapi_success *success) {
    doc_open_member(b->out, "200", '{');
    doc_member_cstr(b->out, "description", success_note(success));
    open_headers(b);
    if (success->has_etag) {
        refer_to_header(b, "ETag");
    }
    if (success->is_repeated) {
        refer_to_header(b, "Idempotency-Replayed");
    }
    put_mapped_headers(b);
    doc_close(b->out, '}');
    doc_open_member(b->out, "content", '{');
    if (success->is_http_body) {
        put_media_type(b, "*/*", success);
    } else if (success->method->server_streaming) {
        if (b->options->stream_json == STREAM_JSON_ARRAY) {
            put_stream_array(b, success);
        }
        put_media_type(b, "application/x-ndjson", success);
        put_media_type(b, "text/event-stream", success);
    } else {
        put_media_type(b, "application/json", success);
    }
    doc_close(b->out, '}');
    doc_close(b->out, '}');
    if (success->method->server_streaming && !success->is_http_body) {
        doc_open_member(b->out, "204", '{');
        doc_member_cstr(b->out, "description",
                        "No Content: to who accepts `text/event-stream`, there are no events and "
                        "none will come; an EventSource does not connect again.");
        open_headers(b);
        put_mapped_headers(b);
        doc_close(b->out, '}');
        doc_close(b->out, '}');
    }
    if (success->has_etag) {
        doc_open_member(b->out, "304", '{');
        doc_member_cstr(b->out, "description",
                        "Not Modified: `If-None-Match` has the data's `ETag`.");
        open_headers(b);
        refer_to_header(b, "ETag");
        put_mapped_headers(b);
        doc_close(b->out, '}');
        doc_close(b->out, '}');
    }
}

// --- errors ---

static void put_error(struct openapi_builder *b, const struct openapi_error *error,
                      const char *description, int code, struct slice text) {
    doc_open(b->out, '{');
    doc_member_cstr(b->out, "description",
                    arena_printf(&b->arena, "%s: %s", error->title, description));
    open_headers(b);
    if (error->http_status == HTTP_UNAUTHORIZED) {
        refer_to_header(b, "WWW-Authenticate");
    } else if (error->http_status == HTTP_TOO_MANY_REQUESTS ||
               error->http_status == HTTP_UNAVAILABLE) {
        refer_to_header(b, "Retry-After");
    }
    put_mapped_headers(b);
    doc_close(b->out, '}');
    doc_open_member(b->out, "content", '{');
    doc_open_member(b->out, "application/json", '{');
    doc_open_member(b->out, "schema", '{');
    doc_member_ref(b->out, "schemas", error_schema);
    doc_close(b->out, '}');
    doc_key(b->out, "example");
    openapi_errors_example(b, error->http_status, code, text);
    doc_close(b->out, '}');
    doc_close(b->out, '}');
    doc_close(b->out, '}');
}

static const char *component_name(struct openapi_builder *b, int http_status) {
    return arena_printf(&b->arena, "Error-%d", http_status);
}

// The outcomes in the method's comment for a status, of all its codes; NULL if none.
static const char *words_of(struct openapi_builder *b, const struct openapi_outcome *outcomes,
                            int http_status, int *ret_code, struct slice *ret_first) {
    const char *words = NULL;
    for (const struct openapi_outcome *o = outcomes; o != NULL; o = o->next) {
        if (envelope_http_status(b->options->envelope, o->code) != http_status) {
            continue;
        }
        if (words == NULL) {
            words = arena_cstr(&b->arena, o->text);
            *ret_code = o->code;
            *ret_first = o->text;
        } else {
            words = arena_printf(&b->arena, "%s Or: %.*s", words, SLICE_FMT(o->text));
        }
    }
    return words;
}

void openapi_responses_put(struct openapi_builder *b, const struct openapi_success *success,
                           const struct openapi_outcome *outcomes) {
    put_success(b, success);
    for (size_t i = 0; i < b->error_status_count; i++) {
        struct openapi_error error = openapi_errors_at(b, i);
        doc_key(b->out, arena_printf(&b->arena, "%d", error.http_status));
        int code = 0;
        struct slice first = SLICE_EMPTY;
        const char *words = words_of(b, outcomes, error.http_status, &code, &first);
        if (words != NULL) {
            put_error(b, &error, words, code, first);
        } else {
            doc_open(b->out, '{');
            doc_member_ref(b->out, "responses", component_name(b, error.http_status));
            doc_close(b->out, '}');
        }
    }
}

void openapi_responses_components(struct openapi_builder *b) {
    for (size_t i = 0; i < b->error_status_count; i++) {
        struct openapi_error error = openapi_errors_at(b, i);
        doc_key(b->out, component_name(b, error.http_status));
        put_error(b, &error, error.description, 0, SLICE_EMPTY);
    }
}

// --- schemas of errors ---

static void put_described(struct openapi_builder *b, const char *name, const char *type,
                          const char *description) {
    doc_open_member(b->out, name, '{');
    doc_member_cstr(b->out, "type", type);
    doc_member_cstr(b->out, "description", description);
    doc_close(b->out, '}');
}

static void put_google_error(struct openapi_builder *b) {
    static const char *const names[] = {"code", "message", "details"};
    doc_open_member(b->out, error_schema, '{');
    doc_member_cstr(b->out, "title", "Error");
    doc_member_cstr(b->out, "description", "google.rpc.Status, as the service sent it.");
    doc_member_cstr(b->out, "type", "object");
    doc_open_member(b->out, "properties", '{');
    put_described(b, "code", "integer", "The number of the gRPC code (google.rpc.Code).");
    put_described(b, "message", "string", "What is wrong, for people.");
    doc_open_member(b->out, "details", '{');
    doc_member_cstr(b->out, "type", "array");
    doc_member_cstr(
        b->out, "description",
        "Messages of google.rpc, such as ErrorInfo, whose `reason` programs branch on.");
    doc_open_member(b->out, "items", '{');
    doc_member_cstr(b->out, "type", "object");
    doc_open_member(b->out, "properties", '{');
    put_described(b, "@type", "string", "The type of the message whose fields stand beside it.");
    doc_close(b->out, '}');
    static const char *const type[] = {"@type"};
    put_required(b, type, 1);
    doc_member_bool(b->out, "additionalProperties", true);
    doc_close(b->out, '}');
    doc_close(b->out, '}');
    doc_close(b->out, '}');
    put_required(b, names, sizeof(names) / sizeof(names[0]));
    doc_close(b->out, '}');
}

static void put_violations(struct openapi_builder *b) {
    static const char *const names[] = {"field", "description"};
    doc_open_member(b->out, "fieldViolations", '{');
    doc_member_cstr(b->out, "type", "array");
    doc_member_cstr(b->out, "description", "What is wrong with which field; of a 400 only.");
    doc_open_member(b->out, "items", '{');
    doc_member_cstr(b->out, "type", "object");
    doc_open_member(b->out, "properties", '{');
    put_described(b, "field", "string", "The field's path, `run.workflowId` say.");
    put_described(b, "description", "string", "What is wrong with it, for people.");
    doc_close(b->out, '}');
    put_required(b, names, sizeof(names) / sizeof(names[0]));
    doc_close(b->out, '}');
    doc_close(b->out, '}');
}

static void put_code_names(struct openapi_builder *b) {
    doc_open_member(b->out, "status", '{');
    doc_member_cstr(b->out, "type", "string");
    doc_member_cstr(b->out, "description", "The name of the gRPC code.");
    doc_open_member(b->out, "enum", '[');
    for (int code = STATUS_OK + 1; code < STATUS_CODE_COUNT; code++) {
        doc_cstr(b->out, status_code_name(code));
    }
    doc_close(b->out, ']');
    doc_close(b->out, '}');
}

static void put_details(struct openapi_builder *b) {
    static const char *const names[] = {"status", "reason", "metadata"};
    doc_open_member(b->out, details_schema, '{');
    doc_member_cstr(b->out, "title", "ErrorDetails");
    doc_member_cstr(b->out, "description", "What programs branch on; never on `message`.");
    doc_member_cstr(b->out, "type", "object");
    doc_open_member(b->out, "properties", '{');
    put_code_names(b);
    put_described(b, "reason", "string",
                  "Why, of the service or, as `QUERY_INVALID` or `OVERLOADED`, of the gateway; "
                  "`UPSTREAM_STATUS` if the service gave no reason.");
    doc_open_member(b->out, "metadata", '{');
    doc_member_cstr(b->out, "type", "object");
    doc_member_cstr(b->out, "description", "More about the reason.");
    doc_open_member(b->out, "additionalProperties", '{');
    doc_member_cstr(b->out, "type", "string");
    doc_close(b->out, '}');
    doc_close(b->out, '}');
    put_violations(b);
    doc_close(b->out, '}');
    put_required(b, names, sizeof(names) / sizeof(names[0]));
    doc_close(b->out, '}');
}

static void put_runs_error(struct openapi_builder *b) {
    static const char *const names[] = {"code", "message", "requestId", "error"};
    doc_open_member(b->out, error_schema, '{');
    doc_member_cstr(b->out, "title", "Error");
    doc_member_cstr(b->out, "description", "The body of every error.");
    doc_member_cstr(b->out, "type", "object");
    doc_open_member(b->out, "properties", '{');
    put_described(b, "code", "integer", "The HTTP status.");
    put_described(b, "message", "string", "What is wrong, for people.");
    put_request_id(b);
    doc_open_member(b->out, "error", '{');
    doc_member_ref(b->out, "schemas", details_schema);
    doc_close(b->out, '}');
    doc_close(b->out, '}');
    put_required(b, names, sizeof(names) / sizeof(names[0]));
    doc_close(b->out, '}');
}

void openapi_responses_schemas(struct openapi_builder *b) {
    if (b->options->envelope == ENVELOPE_NONE) {
        put_google_error(b);
    } else {
        put_runs_error(b);
        put_details(b);
    }
}
