#include "gateway/openapi/openapi.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/openapi/doc.h"
#include "gateway/openapi/openapi_builder.h"
#include "gateway/openapi/openapi_errors.h"
#include "gateway/openapi/openapi_operation.h"
#include "gateway/openapi/openapi_parameters.h"
#include "gateway/openapi/openapi_path.h"
#include "gateway/openapi/openapi_responses.h"
#include "gateway/openapi/openapi_schema.h"
#include "gateway/openapi/openapi_text.h"

// The verbs that OpenAPI 3.1 has a member for, without TRACE, which HTTP servers refuse.
static const char *const fixed_verbs[] = {"get",     "put",  "post", "delete",
                                          "options", "head", "patch"};
enum { FIXED_VERB_COUNT = sizeof(fixed_verbs) / sizeof(fixed_verbs[0]), NO_VERB = -1 };

// Those that a rule for any verb is listed by.
static const char *const common_verbs[] = {"get", "put", "post", "delete", "patch"};

// One route and where it stands.
struct entry {
    struct route_parts route;
    struct openapi_path path;
    size_t index; // of the route
    size_t first; // of the first route of the same shape
    unsigned binding;
    int verb; // within fixed_verbs; NO_VERB
};

static int find_verb(const char *verb) {
    for (int i = 0; i < FIXED_VERB_COUNT; i++) {
        if (strcasecmp(fixed_verbs[i], verb) == 0) {
            return i;
        }
    }
    return NO_VERB;
}

// --- routes by path ---

static int compare_shapes(const void *a, const void *b) {
    const struct entry *x = a;
    const struct entry *y = b;
    int r = strcmp(x->path.shape, y->path.shape);
    return r != 0 ? r : (x->index > y->index) - (x->index < y->index);
}

static int compare_places(const void *a, const void *b) {
    const struct entry *x = a;
    const struct entry *y = b;
    size_t i = x->first != y->first ? x->first : x->index;
    size_t k = x->first != y->first ? y->first : y->index;
    return (i > k) - (i < k);
}

// The routes in the order of the paths that they first stand at. A method that takes a
// stream is none over HTTP/1.1.
static struct entry *sort_routes(struct openapi_builder *b, size_t *ret_count) {
    size_t count = transcoder_route_count(b->transcoder);
    struct entry *entries = ARENA_ARRAY(&b->arena, struct entry, count);
    unsigned binding = 0;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        const struct transcoder_route *at = transcoder_route_at(b->transcoder, i);
        struct route_parts route = route_parts_of(at);
        // The routes of a method follow each other.
        bool is_more =
            i > 0 && transcoder_route_method_index(at) ==
                         transcoder_route_method_index(transcoder_route_at(b->transcoder, i - 1));
        binding = is_more ? binding + 1 : 0;
        if (!route.method->client_streaming) {
            entries[n++] = (struct entry){.route = route,
                                          .path = openapi_path_of(&b->arena, &route),
                                          .index = i,
                                          .binding = binding,
                                          .verb = find_verb(route.verb)};
        }
    }
    if (n > 0) {
        qsort(entries, n, sizeof(entries[0]), compare_shapes);
        for (size_t i = 0; i < n; i++) {
            bool is_same = i > 0 && strcmp(entries[i].path.shape, entries[i - 1].path.shape) == 0;
            entries[i].first = is_same ? entries[i - 1].first : entries[i].index;
            if (is_same) {
                openapi_path_rename(&entries[i].path, &entries[i - 1].path);
            }
        }
        qsort(entries, n, sizeof(entries[0]), compare_places);
    }
    *ret_count = n;
    return entries;
}

static bool has_entry_of(const struct entry *entries, size_t count, int verb) {
    for (size_t i = 0; i < count; i++) {
        if (entries[i].verb == verb) {
            return true;
        }
    }
    return false;
}

static void put_operation(struct openapi_builder *b, const struct entry *e, const char *key,
                          const char *suffix) {
    doc_key(b->out, key);
    openapi_operation_put(b, &e->route, &e->path, e->binding, key, suffix);
}

// The routes of one path. Verbs that OpenAPI 3.1 has no place for stand under a member of
// their own, as "additionalOperations" of OpenAPI 3.2 has them.
static void put_path(struct openapi_builder *b, const struct entry *entries, size_t count) {
    doc_open_member(b->out, entries[0].path.text, '{');
    bool has_others = false;
    for (size_t i = 0; i < count; i++) {
        const struct entry *e = &entries[i];
        if (e->verb != NO_VERB) {
            put_operation(b, e, fixed_verbs[e->verb], "");
        } else if (strcmp(e->route.verb, "*") != 0) {
            has_others = true;
        } else {
            for (size_t k = 0; k < sizeof(common_verbs) / sizeof(common_verbs[0]); k++) {
                if (!has_entry_of(entries, count, find_verb(common_verbs[k]))) {
                    put_operation(b, e, common_verbs[k],
                                  arena_printf(&b->arena, "-%s", common_verbs[k]));
                }
            }
        }
    }
    if (has_others) {
        doc_open_member(b->out, "x-additionalOperations", '{');
        for (size_t i = 0; i < count; i++) {
            if (entries[i].verb == NO_VERB && strcmp(entries[i].route.verb, "*") != 0) {
                put_operation(b, &entries[i], entries[i].route.verb, "");
            }
        }
        doc_close(b->out, '}');
    }
    doc_close(b->out, '}');
}

static void put_paths(struct openapi_builder *b, const struct entry *entries, size_t count) {
    doc_open_member(b->out, "paths", '{');
    size_t begin = 0;
    for (size_t i = 1; i <= count; i++) {
        if (i == count || entries[i].first != entries[begin].first) {
            put_path(b, entries + begin, i - begin);
            begin = i;
        }
    }
    doc_close(b->out, '}');
}

// --- the document ---

// Calls put for each service that has a route, in order.
static void each_service(struct openapi_builder *b, const struct entry *entries, size_t count,
                         void (*put)(struct openapi_builder *, struct slice)) {
    for (size_t i = 0; i < b->schema->method_count; i++) {
        struct slice service = openapi_operation_service(&b->schema->methods[i]);
        bool is_new =
            i == 0 || !slice_equal(service, openapi_operation_service(&b->schema->methods[i - 1]));
        bool is_served = false;
        for (size_t k = 0; is_new && k < count && !is_served; k++) {
            is_served = slice_equal(service, openapi_operation_service(entries[k].route.method));
        }
        if (is_served) {
            put(b, service);
        }
    }
}

static struct slice short_name(struct slice name) {
    size_t n = name.len;
    while (n > 0 && name.data[n - 1] != '.') {
        n--;
    }
    return slice_of(name.data + n, name.len - n);
}

static void put_tag(struct openapi_builder *b, struct slice service) {
    struct openapi_text text = openapi_text_of(&b->arena, notes_of(&b->notes, service));
    doc_open(b->out, '{');
    doc_member_text(b->out, "name", service);
    doc_member_text(b->out, "x-displayName", short_name(service));
    doc_member_text(b->out, "description",
                    text.description.len > 0
                        ? text.description
                        : slice_of_cstr(arena_printf(&b->arena, "The gRPC service `%.*s`.",
                                                     SLICE_FMT(service))));
    doc_close(b->out, '}');
}

static const char conventions[] =
    "JSON is that of protobuf (ProtoJSON). Requests may also spell a field by its name in the "
    "proto, an enum by its value's name or number and a 64-bit integer as a number or a string; "
    "`null` leaves a field out. HEAD is answered where GET is.";
static const char of_envelope[] =
    "Every JSON reply is one object: `code` is the HTTP status, `data` the result, `message` is "
    "`success` or says what is wrong, `requestId` is the header `X-Request-Id`. Branch on "
    "`error.status` and `error.reason`, never on `message`.";
static const char of_no_envelope[] =
    "A reply is the message itself, an error a google.rpc.Status. Branch on `code` and the "
    "`reason` in `details`, never on `message`.";

static void put_info(struct openapi_builder *b, const struct entry *entries, size_t count) {
    struct slice service =
        count > 0 ? openapi_operation_service(entries[0].route.method) : slice_of_cstr("API");
    struct slice title = b->notes.title.len > 0 ? b->notes.title : service;
    doc_open_member(b->out, "info", '{');
    doc_member_text(b->out, "title", title);
    doc_member_text(b->out, "version",
                    b->notes.version.len > 0 ? b->notes.version : slice_of_cstr("1"));
    doc_member_cstr(
        b->out, "description",
        arena_printf(&b->arena, "%s\n\n%s",
                     b->options->envelope == ENVELOPE_NONE ? of_no_envelope : of_envelope,
                     conventions));
    doc_close(b->out, '}');
    doc_open_member(b->out, "servers", '[');
    doc_open(b->out, '{');
    doc_member_cstr(b->out, "url", "/");
    doc_member_cstr(b->out, "description", "Where this document comes from.");
    doc_close(b->out, '}');
    doc_close(b->out, ']');
}

// A service with a method that verifies callers refuses every call without a token; whether
// others do is not known.
static void put_security(struct openapi_builder *b) {
    doc_open_member(b->out, "security", '[');
    doc_open(b->out, '{');
    doc_open_member(b->out, "bearer", '[');
    doc_close(b->out, ']');
    doc_close(b->out, '}');
    if (transcoder_caller_rpc(b->transcoder) == NULL) {
        doc_open(b->out, '{');
        doc_close(b->out, '}');
    }
    doc_close(b->out, ']');
}

static void put_components(struct openapi_builder *b) {
    doc_open_member(b->out, "components", '{');
    doc_open_member(b->out, "schemas", '{');
    openapi_schema_components(b);
    openapi_responses_schemas(b);
    doc_close(b->out, '}');
    doc_open_member(b->out, "responses", '{');
    openapi_responses_components(b);
    doc_close(b->out, '}');
    doc_open_member(b->out, "parameters", '{');
    openapi_parameters_components(b);
    doc_close(b->out, '}');
    doc_open_member(b->out, "headers", '{');
    openapi_responses_headers(b);
    doc_close(b->out, '}');
    doc_open_member(b->out, "securitySchemes", '{');
    doc_open_member(b->out, "bearer", '{');
    doc_member_cstr(b->out, "type", "http");
    doc_member_cstr(b->out, "scheme", "bearer");
    doc_member_cstr(b->out, "description", "`Authorization: Bearer` and a token.");
    doc_close(b->out, '}');
    doc_close(b->out, '}');
    doc_close(b->out, '}');
}

void openapi_write(const struct transcoder *transcoder, const struct slice *sets, size_t count,
                   const struct openapi_options *options, struct strbuf *out) {
    struct openapi_builder b = {
        .options = options,
        .transcoder = transcoder,
        .schema = route_parts_schema(transcoder),
        .out = out,
    };
    arena_init(&b.arena);
    b.notes = notes_read(&b.arena, sets, count);
    b.messages = ARENA_ARRAY(&b.arena, uint8_t, b.schema->message_count);
    b.enums = ARENA_ARRAY(&b.arena, uint8_t, b.schema->enum_count);
    openapi_errors_init(&b);
    size_t entry_count;
    struct entry *entries = sort_routes(&b, &entry_count);
    doc_open(out, '{');
    doc_member_cstr(out, "openapi", "3.1.1");
    put_info(&b, entries, entry_count);
    put_security(&b);
    doc_open_member(out, "tags", '[');
    each_service(&b, entries, entry_count, put_tag);
    doc_close(out, ']');
    put_paths(&b, entries, entry_count);
    put_components(&b);
    doc_close(out, '}');
    strbuf_append_byte(out, '\n');
    arena_release(&b.arena);
}
