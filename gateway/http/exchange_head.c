#include <stdlib.h>
#include <string.h>

#include "base/core/request_id.h"
#include "gateway/connection/connection_memory.h"
#include "gateway/edge/head_layout.h"
#include "gateway/edge/page_origin.h"
#include "gateway/http/exchange_internal.h"

// From a request's head to its route.

struct received_headers {
    struct http_header *headers;
    size_t count;
    size_t capacity;
};

static enum MHD_Result add_header(void *closure, enum MHD_ValueKind kind, const char *name,
                                  size_t name_size, const char *value, size_t value_size) {
    (void)kind;
    if (connection_memory_is_own(name)) {
        return MHD_YES;
    }
    struct received_headers *list = closure;
    if (list->count == list->capacity) {
        return MHD_NO;
    }
    list->headers[list->count++] =
        head_layout_header(slice_of(name, name_size), slice_of(value, value_size));
    return MHD_YES;
}

static struct request_head received_head(struct exchange *x, struct MHD_Connection *connection,
                                         const char *version) {
    int count = MHD_get_connection_values_n(connection, MHD_HEADER_KIND, NULL, NULL);
    struct received_headers list = {.capacity = (size_t)count};
    list.headers = ARENA_ARRAY(&x->arena, struct http_header, list.capacity + 1);
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, add_header, &list);
    x->headers = (struct http_headers){list.headers, list.count};
    return (struct request_head){
        .method = x->method,
        .target = x->target,
        .http_1_1 = strcmp(version, MHD_HTTP_VERSION_1_0) != 0, // others are refused before
        .headers = list.headers,
        .header_count = list.count,
    };
}

// Whether the head was spelled in a way that other servers may read otherwise.
static const struct error *check_layout(struct exchange *x, struct MHD_Connection *connection,
                                        const char *method, const char *version,
                                        const struct request_head *head) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    const struct head_layout layout = {
        .bytes = slice_of(method, info != NULL ? info->header_size : 0),
        .method = slice_of_cstr(method),
        .target = slice_of(x->received_target, x->target.len),
        .version = slice_of_cstr(version),
        .headers = head->headers,
        .header_count = head->header_count,
    };
    return head_layout_check(&x->arena, &layout);
}

static void choose_request_id(struct exchange *x) {
    if (x->facts.request_id.len > 0) {
        x->request_id = arena_copy(&x->arena, x->facts.request_id);
    } else {
        char *id = arena_alloc(&x->arena, UUID_TEXT_SIZE);
        uuid_make(id);
        x->request_id = slice_of_cstr(id);
    }
}

static const struct error *find_route(struct exchange *x) {
    const struct routing_request request = {
        .method = x->method,
        .path = x->facts.path,
        .headers = x->headers,
    };
    const struct exchange_context *context = x->context;
    const struct routing_rules rules = {
        .transcoder = x->api->transcoder,
        .local = context->local,
        .cors = &context->edge.cors,
        .knows_callers = context->authorizer.check != NULL || x->api->caller_method != NULL,
    };
    const struct error *error = routing_find(&x->arena, &rules, &request, &x->routing);
    if (error == NULL && x->routing.kind == ROUTING_CALL &&
        transcoder_route_client_streaming(x->routing.match.route)) {
        struct error *e =
            error_new(&x->arena, STATUS_UNIMPLEMENTED, REASON_STREAMING_UNSUPPORTED,
                      "The method %s takes a stream of requests, which is served over gRPC only: "
                      "call it over gRPC, or one that takes a single request.",
                      transcoder_route_rpc(x->routing.match.route));
        e->domain = exchange_error_domain;
        return e;
    }
    return error;
}

bool exchange_head_is_worth_draining(const struct exchange *x, struct MHD_Connection *connection) {
    const char *length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_EXPECT) != NULL) {
        return false;
    }
    return length == NULL ||
           strtoull(length, NULL, 10) <= exchange_drained_bytes(&x->context->limits);
}

// A stranger's large body is not read: what of it is on its way when the connection ends is
// dropped then (linger.h).
static bool is_answered_at_once(const struct exchange *x, const struct error *error) {
    return error->code == STATUS_UNAUTHENTICATED &&
           x->facts.content_length > EXCHANGE_STRANGERS_BYTES;
}

static const struct error *check_caller(struct exchange *x) {
    const struct gateway_authorizer *authorizer = &x->context->authorizer;
    if (authorizer->check == NULL) {
        return NULL; // the upstream is asked
    }
    const struct gateway_caller caller = {
        .authorization = x->facts.authorization,
        .has_authorization = x->facts.has_authorization,
        .client_names = x->client_names,
        .client_name_count = x->client_name_count,
    };
    return authorizer->check(authorizer->context, &x->arena, &caller);
}

// A request that was passed on comes with the certificate of who passed it on, which stands for
// none of its clients.
static void forget_names_of_proxies(struct exchange *x) {
    static const char *const names[] = {"x-forwarded-for", "forwarded", "via"};
    bool is_passed_on = x->is_of_trusted;
    for (size_t i = 0; x->client_name_count > 0 && i < sizeof(names) / sizeof(names[0]); i++) {
        is_passed_on = is_passed_on || header_find(x->headers, names[i]) != NULL;
    }
    if (is_passed_on) {
        x->client_name_count = 0;
    }
}

// What nothing but a certificate speaks for, which a browser adds by itself, is to be no page's of
// elsewhere.
static const struct error *check_page(struct exchange *x) {
    bool is_by_certificate = x->client_name_count > 0 && !x->facts.has_authorization;
    return is_by_certificate ? page_origin_check(&x->arena, &x->context->edge.cors, x->headers)
                             : NULL;
}

// Whether the request is to be served, as far as its head says.
static const struct error *admit(struct exchange *x) {
    if (x->routing.kind != ROUTING_CALL) {
        bool needs_token = x->routing.kind == ROUTING_LOCAL && x->routing.local->needs_token;
        const struct error *error = needs_token ? check_page(x) : NULL;
        return needs_token && error == NULL ? check_caller(x) : error;
    }
    const struct error *error = check_page(x);
    if (error != NULL) {
        return error;
    }
    // The upstream asks who calls, too: here, only if the body is worth it.
    bool is_large = x->facts.is_chunked || x->facts.is_gzip ||
                    x->facts.content_length > EXCHANGE_FIRST_CHUNKS_BYTES;
    error = is_large ? check_caller(x) : NULL;
    // A body that would be refused anyway is not kept.
    return error != NULL ? error : exchange_upstream_check_room(x);
}

enum MHD_Result exchange_head_begin_body(struct exchange *x, struct MHD_Connection *connection) {
    if (x->facts.content_length > 0 || x->facts.is_chunked) {
        reaper_set_request_id(x->context->reaper, x->entry, x->request_id);
    }
    if (x->error == NULL && x->routing.kind == ROUTING_CALL) {
        return exchange_memory_reserve(x, connection);
    }
    exchange_move(x, EXCHANGE_BODY); // which is dropped
    return MHD_YES;
}

enum MHD_Result exchange_head_take(struct exchange *x, struct MHD_Connection *connection,
                                   const char *method, const char *version) {
    x->method = arena_copy(&x->arena, slice_of_cstr(method));
    struct request_head head = received_head(x, connection, version);
    const struct error *error =
        request_head_check(&x->arena, &head, &x->context->limits, &x->facts);
    choose_request_id(x);
    bool is_framed = error == NULL || error->reason_id == REASON_BODY_TOO_LARGE;
    if (is_framed) {
        const struct error *ambiguous = check_layout(x, connection, method, version, &head);
        if (ambiguous != NULL) {
            error = ambiguous;
            is_framed = false;
        }
    }
    if (error == NULL) {
        error = find_route(x);
    }
    if (x->context->tracer != NULL && !routing_is_probe(&x->routing)) {
        exchange_trace_begin(x);
    }
    if (error == NULL) {
        forget_names_of_proxies(x);
        error = admit(x);
    }
    if (error != NULL && (is_answered_at_once(x, error) ||
                          !(is_framed && exchange_head_is_worth_draining(x, connection)))) {
        return exchange_answer_error(x, connection, error, true);
    }
    x->error = error;
    if (error == NULL && exchange_caller_must_ask_at_head(x, connection)) {
        return exchange_caller_ask(x, connection);
    }
    return exchange_head_begin_body(x, connection);
}
