#include "gateway/openapi/openapi_errors.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/core/check.h"
#include "gateway/envelope.h"
#include "gateway/openapi/doc.h"
#include "gateway/openapi/openapi_examples.h"
#include "gateway/openapi/openapi_text.h"

enum { FIRST_ERROR = 400, BEHIND_ERRORS = 600 };

// The description of a status where the method's comment has none. With
// REASON_UPSTREAM_STATUS only the upstream sends the status; else the gateway itself does
// too, with that reason.
struct row {
    int http_status;
    enum status_code code;
    enum reason reason;
    const char *title;
    const char *description;
};

static const struct row rows[] = {
    {400, STATUS_INVALID_ARGUMENT, REASON_QUERY_INVALID, "Bad Request",
     "The path, the query, a header or the body is malformed, or a value in it is not taken."},
    {401, STATUS_UNAUTHENTICATED, REASON_UPSTREAM_STATUS, "Unauthorized",
     "There is no bearer token, or it is not, or no longer, valid."},
    {403, STATUS_PERMISSION_DENIED, REASON_UPSTREAM_STATUS, "Forbidden",
     "The token does not allow this."},
    {404, STATUS_NOT_FOUND, REASON_UPSTREAM_STATUS, "Not Found", "There is no such resource."},
    {408, STATUS_DEADLINE_EXCEEDED, REASON_REQUEST_TIMEOUT, "Request Timeout",
     "The request arrived too slowly. Nothing was changed."},
    {409, STATUS_FAILED_PRECONDITION, REASON_UPSTREAM_STATUS, "Conflict",
     "The resource is in a state in which this cannot be done."},
    {413, STATUS_INVALID_ARGUMENT, REASON_BODY_TOO_LARGE, "Content Too Large",
     "The body is larger than the gateway takes."},
    {414, STATUS_INVALID_ARGUMENT, REASON_URL_TOO_LONG, "URI Too Long",
     "The path and query are longer than the gateway takes."},
    {415, STATUS_INVALID_ARGUMENT, REASON_MEDIA_TYPE_UNSUPPORTED, "Unsupported Media Type",
     "The body is no JSON by its `Content-Type`, or compressed otherwise than by gzip."},
    {417, STATUS_INVALID_ARGUMENT, REASON_EXPECTATION_FAILED, "Expectation Failed",
     "`Expect` asks for something other than `100-continue`."},
    {431, STATUS_INVALID_ARGUMENT, REASON_HEADERS_TOO_LARGE, "Request Header Fields Too Large",
     "The headers are larger than the gateway takes."},
    {499, STATUS_CANCELLED, REASON_REQUEST_CANCELLED, "Client Closed Request",
     "The call was cancelled before there was an answer. Whether a change was made is not "
     "known."},
    {500, STATUS_INTERNAL, REASON_RESPONSE_MALFORMED, "Internal Server Error",
     "The service or the gateway failed. Whether a change was made is not known."},
    {501, STATUS_UNIMPLEMENTED, REASON_UPSTREAM_STATUS, "Not Implemented",
     "The service does not have the method."},
    {502, STATUS_RESOURCE_EXHAUSTED, REASON_RESPONSE_TOO_LARGE, "Bad Gateway",
     "The service's reply is larger than the gateway takes. A change may have been made."},
    {503, STATUS_UNAVAILABLE, REASON_UPSTREAM_UNREACHABLE, "Service Unavailable",
     "The service cannot be reached, is stopping or takes no changes at the moment; "
     "`error.reason` says whether a change may have been made."},
    {504, STATUS_DEADLINE_EXCEEDED, REASON_DEADLINE_PASSED, "Gateway Timeout",
     "There was no answer in time; `error.reason` says whether a change may have been made."},
    {429, STATUS_RESOURCE_EXHAUSTED, REASON_OVERLOADED, "Too Many Requests",
     "There is too much to do at once. Nothing was changed; try again after `Retry-After` "
     "seconds."},
};

static const struct row *row_of(int http_status) {
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].http_status == http_status) {
            return &rows[i];
        }
    }
    return NULL;
}

static const enum reason own_reasons[] = {
#define OWN_REASON(name, http_status) REASON_##name,
    REASONS_OF_GATEWAY(OWN_REASON)
#undef OWN_REASON
};

// The titles of statuses that only descriptors give: RFC 9110 section 15, RFC 4918, RFC 6585,
// RFC 7725.
static const char *title_of(int http_status) {
    static const struct {
        int http_status;
        const char *title;
    } titles[] = {
        {402, "Payment Required"},
        {406, "Not Acceptable"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {416, "Range Not Satisfiable"},
        {422, "Unprocessable Content"},
        {423, "Locked"},
        {424, "Failed Dependency"},
        {428, "Precondition Required"},
        {451, "Unavailable For Legal Reasons"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
        {511, "Network Authentication Required"},
    };
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
        if (titles[i].http_status == http_status) {
            return titles[i].title;
        }
    }
    return "Error";
}

// --- reasons with a status of their own ---

// The first reason that the descriptors give the status, from the one at *index on; NULL if
// there is none.
static const struct schema_reason *next_reason(const struct openapi_builder *b, int http_status,
                                               size_t *index) {
    while (*index < b->schema->reason_count) {
        const struct schema_reason *reason = &b->schema->reasons[(*index)++];
        if (reason->http_status == http_status) {
            return reason;
        }
    }
    return NULL;
}

static const struct schema_reason *reason_of_status(const struct openapi_builder *b,
                                                    int http_status) {
    size_t index = 0;
    return next_reason(b, http_status, &index);
}

// What the comment of a value of an enum says of it.
static struct openapi_text text_of_value(struct openapi_builder *b, const struct schema_enum *e,
                                         struct slice value) {
    const char *name =
        arena_printf(&b->arena, "%.*s.%.*s", SLICE_FMT(e->full_name), SLICE_FMT(value));
    return openapi_text_of(&b->arena, notes_of(&b->notes, slice_of_cstr(name)));
}

// In one sentence.
static struct slice sentence_of(const struct openapi_text *text) {
    return text->outcomes != NULL ? text->outcomes->text : text->summary;
}

// The reasons of a status, with what their comments say.
static const char *describe_reasons(struct openapi_builder *b, int http_status) {
    const char *all = "";
    size_t index = 0;
    const struct schema_reason *reason;
    while ((reason = next_reason(b, http_status, &index)) != NULL) {
        struct openapi_text text = text_of_value(b, reason->enumeration, reason->name);
        struct slice sentence = sentence_of(&text);
        all = arena_printf(&b->arena, "%s%s`%.*s`%s%.*s", all, *all == '\0' ? "" : " ",
                           SLICE_FMT(reason->name), sentence.len > 0 ? ": " : "",
                           SLICE_FMT(sentence));
    }
    return *all == '\0' ? "The request failed." : all;
}

// --- statuses ---

// Whether a route can have this status. An unknown path or verb belongs to no route.
static bool is_possible(const struct openapi_builder *b, int http_status) {
    for (int code = STATUS_OK + 1; code < STATUS_CODE_COUNT; code++) {
        if (envelope_http_status(b->options->envelope, code) == http_status) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(own_reasons) / sizeof(own_reasons[0]); i++) {
        if (own_reasons[i] != REASON_METHOD_NOT_ALLOWED &&
            own_reasons[i] != REASON_ROUTE_NOT_FOUND &&
            reason_http_status(own_reasons[i]) == http_status) {
            return true;
        }
    }
    return reason_of_status(b, http_status) != NULL;
}

static const char *describe(struct openapi_builder *b, const struct row *row) {
    switch (row->reason) {
    case REASON_BODY_TOO_LARGE:
        return arena_printf(&b->arena, "The body is larger than %zu bytes.",
                            b->options->body_bytes);
    case REASON_URL_TOO_LONG:
        return arena_printf(&b->arena, "The path and query are longer than %zu bytes.",
                            b->options->url_bytes);
    default:
        return row->description;
    }
}

void openapi_errors_init(struct openapi_builder *b) {
    for (int status = FIRST_ERROR; status < BEHIND_ERRORS; status++) {
        if (is_possible(b, status)) {
            CHECK(b->error_status_count < OPENAPI_MOST_STATUSES);
            b->error_statuses[b->error_status_count++] = status;
        }
    }
}

struct openapi_error openapi_errors_at(struct openapi_builder *b, size_t index) {
    int status = b->error_statuses[index];
    const struct row *row = row_of(status);
    return (struct openapi_error){
        .http_status = status,
        .title = row != NULL ? row->title : title_of(status),
        .description = row != NULL ? describe(b, row) : describe_reasons(b, status),
    };
}

// --- examples ---

// A reason that the upstream gives for a code: a value of an enum ErrorReason (AIP-193) whose
// comment begins with the code.
struct upstream_reason {
    struct slice name;
    struct slice domain; // the enum's package
    struct slice text;
};

static bool is_of_a_name(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

// Where text has the name, as a whole; SIZE_MAX if it has not.
static size_t place_of(struct slice text, struct slice name) {
    const char *bytes = (const char *)text.data;
    for (size_t i = 0; i + name.len <= text.len; i++) {
        size_t end = i + name.len;
        if (memcmp(bytes + i, name.data, name.len) == 0 &&
            (i == 0 || !is_of_a_name(bytes[i - 1])) &&
            (end == text.len || !is_of_a_name(bytes[end]))) {
            return i;
        }
    }
    return SIZE_MAX;
}

// The package of an enum ErrorReason; empty: it is another one.
static struct slice domain_of(const struct schema_enum *e) {
    const struct slice suffix = slice_of_cstr(".ErrorReason");
    if (e->full_name.len <= suffix.len) {
        return SLICE_EMPTY;
    }
    struct slice domain = slice_of(e->full_name.data, e->full_name.len - suffix.len);
    return slice_equal(slice_of(e->full_name.data + domain.len, suffix.len), suffix) ? domain
                                                                                     : SLICE_EMPTY;
}

// Of those that text, what a method's comment says of the code, names the first; if it names none,
// the first of all.
static bool find_reason(struct openapi_builder *b, int code, struct slice text,
                        struct upstream_reason *ret) {
    bool found = false;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < b->schema->enum_count; i++) {
        const struct schema_enum *e = &b->schema->enums[i];
        struct slice domain = domain_of(e);
        for (size_t k = 0; domain.len > 0 && k < e->value_count; k++) {
            const struct openapi_outcome *o = text_of_value(b, e, e->values[k].name).outcomes;
            if (o == NULL || o->code != code || e->values[k].has_http_status) {
                continue;
            }
            size_t place = place_of(text, e->values[k].name);
            if (!found || place < least) {
                *ret = (struct upstream_reason){e->values[k].name, domain, o->text};
                found = true;
                least = place;
            }
        }
    }
    return found;
}

static void explain(struct openapi_builder *b, struct error *e, struct slice text) {
    struct upstream_reason reason;
    if (find_reason(b, (int)e->code, text, &reason)) {
        e->reason_id = REASON_NONE;
        e->reason = arena_cstr(&b->arena, reason.name);
        e->domain = arena_cstr(&b->arena, reason.domain);
        text = text.len > 0 ? text : reason.text;
    }
    if (text.len > 0) {
        e->message = arena_cstr(&b->arena, text);
    }
}

static void put_example(struct openapi_builder *b, const struct error *e,
                        const struct rpc_status_source *status) {
    struct strbuf body = STRBUF_INIT;
    envelope_append_error(b->options->envelope, &body, e, status, openapi_examples_request_id());
    doc_raw(b->out, strbuf_slice(&body));
    strbuf_release(&body);
}

// The example of a status that only descriptors give.
static void put_reason_example(struct openapi_builder *b, int http_status,
                               const struct schema_reason *reason) {
    struct openapi_text text = text_of_value(b, reason->enumeration, reason->name);
    struct slice sentence = sentence_of(&text);
    enum status_code code =
        text.outcomes != NULL ? (enum status_code)text.outcomes->code : STATUS_UNKNOWN;
    struct error *e =
        error_new(&b->arena, code, REASON_UPSTREAM_STATUS, "%s",
                  sentence.len > 0 ? arena_cstr(&b->arena, sentence) : "The request failed.");
    e->reason_id = REASON_NONE;
    e->reason = arena_cstr(&b->arena, reason->name);
    e->domain = arena_cstr(&b->arena, reason->domain);
    const struct rpc_status_source status = {.http_status = http_status};
    put_example(b, e, &status);
}

void openapi_errors_example(struct openapi_builder *b, int http_status, int code,
                            struct slice text) {
    const struct row *row = row_of(http_status);
    const struct schema_reason *own = reason_of_status(b, http_status);
    if (row == NULL && code == 0 && own != NULL) {
        put_reason_example(b, http_status, own);
        return;
    }
    enum status_code status = code != 0     ? (enum status_code)code
                              : row != NULL ? row->code
                                            : STATUS_UNKNOWN;
    enum reason reason = code != 0 || row == NULL ? REASON_UPSTREAM_STATUS : row->reason;
    struct error *e = error_new(&b->arena, status, reason, "%s",
                                row != NULL ? describe(b, row) : "The request failed.");
    e->domain = REASON_DOMAIN_GATEWAY;
    if (reason == REASON_UPSTREAM_STATUS) {
        explain(b, e, text);
    } else if (reason == REASON_QUERY_INVALID) {
        error_add_violation(e, &b->arena, "size", "\"x\" is no integer from 0 to 4294967295");
    }
    put_example(b, e, NULL);
}
