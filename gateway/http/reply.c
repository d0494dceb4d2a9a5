#include "gateway/http/reply.h"

#include <inttypes.h>
#include <string.h>

#include "base/core/check.h"
#include "gateway/edge/accept_encoding.h"
#include "gateway/edge/compression.h"
#include "gateway/edge/etag.h"
#include "gateway/http/inflated_response.h"

static const char no_store[] = "no-store";

static void add_header(struct MHD_Response *response, const char *name, const char *value) {
    // It can only fail for characters that none of our values has.
    MHD_add_response_header(response, name, value);
}

// --- what every reply has ---

static void add_cors(const struct reply_request *request, struct MHD_Response *response) {
    const struct cors *cors = &request->edge->cors;
    const char *origin = cors_allow_origin(cors, request->headers);
    if (origin == NULL) {
        return;
    }
    add_header(response, "Access-Control-Allow-Origin", origin);
    if (cors->options->cors_credentials) {
        add_header(response, "Access-Control-Allow-Credentials", "true");
    }
    if (!slice_equal_cstr(request->method, MHD_HTTP_METHOD_OPTIONS)) {
        add_header(response, "Access-Control-Expose-Headers", cors->expose_headers);
    }
}

void reply_add_headers(const struct reply_request *request, struct MHD_Response *response,
                       const char *cache_control, const char *vary) {
    add_header(response, "X-Request-Id", arena_cstr(request->arena, request->request_id));
    add_header(response, "Cache-Control", cache_control);
    if (request->edge->cors.varies) {
        vary = vary != NULL ? arena_printf(request->arena, "%s, Origin", vary) : "Origin";
    }
    if (vary != NULL) {
        add_header(response, "Vary", vary);
    }
    if (request->edge->cors.is_on) {
        add_cors(request, response);
    }
}

static struct reply make(const struct reply_request *request, struct strbuf *body, int http_status,
                         int code, const char *cache_control, const char *vary) {
    strbuf_fit(body);
    size_t size;
    uint8_t *bytes = strbuf_detach(body, &size);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        size, bytes, bytes != NULL ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    CHECK(response != NULL); // else out of memory
    reply_add_headers(request, response, cache_control, vary);
    return (struct reply){.response = response,
                          .http_status = http_status,
                          .code = code,
                          .body_bytes = size,
                          .held_bytes = size};
}

// Where the status asks for it: in whole seconds, at least one.
static void add_retry_after(const struct reply_request *request, struct MHD_Response *response,
                            int http_status, int64_t retry_after_ms) {
    if (http_status == MHD_HTTP_TOO_MANY_REQUESTS || http_status == MHD_HTTP_SERVICE_UNAVAILABLE) {
        int64_t seconds = (retry_after_ms + 999) / 1000;
        add_header(response, "Retry-After",
                   arena_printf(request->arena, "%" PRId64, seconds < 1 ? 1 : seconds));
    }
}

// --- success ---

static bool is_get(const struct reply_request *request) {
    return slice_equal_cstr(request->method, MHD_HTTP_METHOD_GET) ||
           slice_equal_cstr(request->method, MHD_HTTP_METHOD_HEAD);
}

static bool is_printable(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < 0x20 || s.data[i] > 0x7E) {
            return false;
        }
    }
    return true;
}

const char *reply_content_type(struct arena *a, struct slice content_type) {
    content_type = header_trim(content_type);
    return content_type.len > 0 && is_printable(content_type) ? arena_cstr(a, content_type)
                                                              : "application/octet-stream";
}

// Whether bytes of a media type become smaller: others are packed by themselves.
static bool is_compressible(const char *content_type) {
    static const char *const beginnings[] = {"application/json", "application/javascript",
                                             "application/xml", "image/svg+xml", "text/"};
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        size_t n = strlen(beginnings[i]);
        if (strlen(content_type) >= n && header_equal(slice_of(content_type, n), beginnings[i])) {
            return true;
        }
    }
    return false;
}

// Whether a body may be compressed, and shall be for this client.
struct coding {
    bool varies; // other clients may get it otherwise
    bool is_wanted;
};

static struct coding choose_coding(const struct reply_request *request, size_t size,
                                   const char *content_type) {
    size_t least = request->edge->options.gzip_min_bytes;
    if (least == SIZE_MAX || !is_compressible(content_type)) {
        return (struct coding){false, false};
    }
    enum accept_encoding accepts = accept_encoding_read(request->headers);
    bool varies = size >= least || accepts == ACCEPT_GZIP_ONLY;
    return (struct coding){varies, varies && accepts != ACCEPT_IDENTITY};
}

// Replaces body by its gzip form, if that is smaller.
static bool compress(struct strbuf *body) {
    struct strbuf gzip = STRBUF_INIT;
    if (!compression_gzip(strbuf_slice(body), &gzip)) {
        return false;
    }
    strbuf_release(body);
    *body = gzip;
    return true;
}

// Whose body is sent as it is: not copied if it is static.
static struct MHD_Response *response_of(struct slice body, bool is_static) {
    return MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.data,
                                           is_static ? MHD_RESPMEM_PERSISTENT
                                                     : MHD_RESPMEM_MUST_COPY);
}

// What of a page's body is sent: as it is compressed or not.
static struct MHD_Response *local_response(const struct local_reply *page, bool is_gzip,
                                           size_t *ret_body_bytes) {
    if (!is_gzip && page->gzip_plain_bytes > 0) {
        *ret_body_bytes = page->gzip_plain_bytes;
        return inflated_response(page->gzip, page->gzip_plain_bytes);
    }
    struct slice body = is_gzip ? page->gzip : page->body;
    *ret_body_bytes = body.len;
    return response_of(body, page->is_static);
}

struct reply reply_local(const struct reply_request *request, const struct local_reply *page) {
    bool is_gzip = page->gzip.len > 0 && accept_encoding_read(request->headers) != ACCEPT_IDENTITY;
    bool is_known =
        page->etag != NULL && is_get(request) && etag_none_match(request->headers, page->etag);
    size_t body_bytes;
    struct MHD_Response *response = local_response(page, is_gzip, &body_bytes);
    CHECK(response != NULL); // else out of memory
    reply_add_headers(request, response,
                      page->cache_control != NULL ? page->cache_control : no_store,
                      page->gzip.len > 0 ? "Accept-Encoding" : NULL);
    for (size_t i = 0; i < page->header_count; i++) {
        add_header(response, page->headers[i].name, page->headers[i].value);
    }
    if (page->etag != NULL) {
        add_header(response, "ETag", page->etag);
    }
    int http_status = is_known ? MHD_HTTP_NOT_MODIFIED : page->http_status;
    if (!is_known && page->media_type != NULL) {
        add_header(response, "Content-Type", page->media_type);
    }
    if (!is_known && is_gzip) {
        add_header(response, "Content-Encoding", "gzip");
    }
    add_retry_after(request, response, http_status, 0);
    return (struct reply){
        .response = response,
        .http_status = http_status,
        .code = (int)page->code,
        .body_bytes = is_known ? 0 : body_bytes,
        .held_bytes = page->is_static ? 0 : body_bytes,
    };
}

static bool is_not_modified(const struct reply_request *request, const struct strbuf *body,
                            const struct reply_content *content, char ret_etag[ETAG_SIZE]) {
    size_t size = content->data_end - content->data_begin;
    struct slice data = slice_of(size > 0 ? body->data + content->data_begin : NULL, size);
    // Another envelope is another representation.
    etag_make(data, request->edge->options.envelope, ret_etag);
    return etag_none_match(request->headers, ret_etag);
}

struct reply reply_success(const struct reply_request *request, struct strbuf *body,
                           const struct reply_content *content) {
    const char *content_type = content->is_http_body
                                   ? reply_content_type(request->arena, content->content_type)
                                   : "application/json";
    struct coding coding = choose_coding(request, body->len, content_type);
    const char *vary = coding.varies ? "Accept-Encoding" : NULL;
    bool has_etag = is_get(request);
    const char *cache_control = has_etag ? "private, no-cache" : no_store;
    char etag[ETAG_SIZE];
    bool is_known = has_etag && is_not_modified(request, body, content, etag);
    bool is_gzip = coding.is_wanted && compress(body);
    // libmicrohttpd sends no body with a 304, but its Content-Length, which must be that
    // of the 200 (RFC 9110 section 8.6).
    struct reply reply = make(request, body, is_known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK,
                              STATUS_OK, cache_control, vary);
    if (has_etag) {
        add_header(reply.response, "ETag", etag);
    }
    if (is_known) {
        reply.body_bytes = 0;
        return reply;
    }
    add_header(reply.response, "Content-Type", content_type);
    if (is_gzip) {
        add_header(reply.response, "Content-Encoding", "gzip");
    }
    return reply;
}

void reply_visit_metadata(void *visit, struct slice key, struct slice value) {
    const struct reply_visit *v = visit;
    const struct edge *edge = v->request->edge;
    const char *name;
    const char *text;
    switch (
        header_map_response(v->request->arena, edge->response_headers, key, value, &name, &text)) {
    case HEADER_MAP_NONE:
        break;
    case HEADER_MAP_VALUE:
        add_header(v->response, name, text);
        break;
    case HEADER_MAP_INVALID:
        LOG(edge->log, LOG_WARN, "metadata of a reply fits in no header and is dropped",
            log_slice("requestId", v->request->request_id), log_slice("key", key),
            log_text("header", name));
        break;
    }
}

void reply_add_metadata(const struct reply_request *request, struct reply *reply,
                        const struct rpc_client_call *call) {
    if (request->edge->response_headers.count > 0) {
        struct reply_visit visit = {request, reply->response};
        rpc_client_call_each_metadata(call, reply_visit_metadata, &visit);
    }
}

static bool is_mapped_to(const struct edge *edge, const char *name) {
    for (size_t i = 0; i < edge->response_headers.count; i++) {
        if (strcmp(edge->response_headers.items[i].to, name) == 0) {
            return true;
        }
    }
    return false;
}

void reply_add_replayed(const struct reply_request *request, struct reply *reply,
                        const struct rpc_client_call *call) {
    static const char key[] = "idempotency-replayed";
    struct slice value;
    if (rpc_client_call_metadata(call, key, &value) && slice_equal_cstr(value, "true") &&
        !is_mapped_to(request->edge, key)) {
        add_header(reply->response, "Idempotency-Replayed", "true");
    }
}

// Adds the upstream's value, if it fits in a header that is not another's.
static void add_limit(const struct reply_request *request, struct MHD_Response *response,
                      const char *key, const char *name, struct slice value) {
    if (value.len > 0 && is_printable(value) && !is_mapped_to(request->edge, key)) {
        add_header(response, name, arena_cstr(request->arena, value));
    }
}

void reply_add_limits(const struct reply_request *request, struct MHD_Response *response,
                      struct slice policy, struct slice state) {
    add_limit(request, response, REPLY_LIMIT_POLICY, "RateLimit-Policy", policy);
    add_limit(request, response, REPLY_LIMIT_STATE, "RateLimit", state);
}

// --- errors ---

static bool allows(const char *verbs, const char *verb) {
    return header_list_has(slice_of_cstr(verbs), slice_of_cstr(verb));
}

// The gateway answers HEAD where there is GET, and OPTIONS everywhere.
static const char *allow_header(struct arena *a, const char *allow) {
    bool adds_head = allows(allow, MHD_HTTP_METHOD_GET) && !allows(allow, MHD_HTTP_METHOD_HEAD);
    bool adds_options = !allows(allow, MHD_HTTP_METHOD_OPTIONS);
    return arena_printf(a, "%s%s%s", allow, adds_head ? ", HEAD" : "",
                        !adds_options      ? ""
                        : allow[0] == '\0' ? "OPTIONS"
                                           : ", OPTIONS");
}

static const char *metadata_value(const struct error *error, const char *key) {
    for (const struct error_metadata *m = error->metadata; m != NULL; m = m->next) {
        if (strcmp(m->key, key) == 0) {
            return m->value;
        }
    }
    return NULL;
}

static bool is_encoding_refusal(const struct error *error) {
    return error->reason_id == REASON_CONTENT_ENCODING_UNSUPPORTED;
}

void reply_set_reason(struct reply *reply, const struct error *error) {
    bool is_named = error->reason_id == REASON_NONE && error->reason != NULL;
    reply->reason = is_named ? reason_find(slice_of_cstr(error->reason)) : error->reason_id;
    reply->has_other_reason = is_named && reply->reason == REASON_NONE;
}

struct reply reply_error(const struct reply_request *request, const struct error *error,
                         const struct rpc_status_source *upstream) {
    struct arena *a = request->arena;
    enum envelope_kind kind = request->edge->options.envelope;
    int status = envelope_error_http_status(kind, error, upstream);
    struct strbuf body = STRBUF_INIT;
    envelope_append_error(kind, &body, error, upstream, request->request_id);
    struct reply reply = make(request, &body, status, (int)error->code, no_store, NULL);
    reply_set_reason(&reply, error);
    reply.other_reason =
        reply.has_other_reason ? arena_cstr(a, slice_of_cstr(error->reason)) : NULL;
    add_header(reply.response, "Content-Type", "application/json");
    if (status == MHD_HTTP_UNAUTHORIZED) {
        add_header(reply.response, "WWW-Authenticate", "Bearer");
    } else if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        const char *allow = metadata_value(error, "allow");
        add_header(reply.response, "Allow", allow_header(a, allow != NULL ? allow : ""));
    } else if (status == MHD_HTTP_UNSUPPORTED_MEDIA_TYPE && is_encoding_refusal(error)) {
        add_header(reply.response, "Accept-Encoding", "gzip, identity"); // RFC 9110 section 12.5.3
    }
    add_retry_after(request, reply.response, status, error->retry_after_ms);
    return reply;
}

// --- OPTIONS ---

struct reply reply_no_content(const struct reply_request *request, const char *vary) {
    struct strbuf none = STRBUF_INIT;
    return make(request, &none, MHD_HTTP_NO_CONTENT, STATUS_OK, no_store, vary);
}

struct reply reply_options(const struct reply_request *request, const char *allow) {
    const struct cors *cors = &request->edge->cors;
    struct strbuf none = STRBUF_INIT;
    struct reply reply = make(request, &none, MHD_HTTP_NO_CONTENT, STATUS_OK, no_store, NULL);
    const char *verbs = allow_header(request->arena, allow);
    add_header(reply.response, "Allow", verbs);
    if (cors_allow_origin(cors, request->headers) == NULL ||
        cors_preflight_method(request->method, request->headers).len == 0) {
        return reply;
    }
    add_header(reply.response, "Access-Control-Allow-Methods", verbs);
    const char *names = cors_allow_headers(request->arena, cors, request->headers);
    if (names != NULL) {
        add_header(reply.response, "Access-Control-Allow-Headers", names);
    }
    add_header(reply.response, "Access-Control-Max-Age", cors->max_age);
    return reply;
}

// --- the end ---

void reply_keep_connection(struct reply *reply, const char *keep_alive) {
    // Keep-Alive is of this hop, which Connection must name (RFC 9110 section 7.6.1).
    MHD_set_response_options(reply->response, MHD_RF_SEND_KEEP_ALIVE_HEADER, MHD_RO_END);
    add_header(reply->response, "Keep-Alive", keep_alive);
}

void reply_close_connection(struct reply *reply) {
    add_header(reply->response, "Connection", "close");
}

void reply_release(struct reply *reply) {
    if (reply->response != NULL) {
        MHD_destroy_response(reply->response);
        reply->response = NULL;
    }
}
