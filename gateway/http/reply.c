#include "gateway/http/reply.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/envelope.h"

static void add_header(struct MHD_Response *response, const char *name, const char *value) {
    // It can only fail for characters that none of our values has.
    MHD_add_response_header(response, name, value);
}

static struct reply make(struct strbuf *body, int http_status, int code, struct slice request_id) {
    size_t size;
    uint8_t *bytes = strbuf_detach(body, &size);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        size, bytes, bytes != NULL ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        abort(); // out of memory
    }
    char id[256];
    size_t length = request_id.len < sizeof(id) ? request_id.len : sizeof(id) - 1;
    memcpy(id, request_id.data, length);
    id[length] = '\0';
    add_header(response, "X-Request-Id", id);
    add_header(response, "Cache-Control", "no-store");
    return (struct reply){response, http_status, code, size};
}

struct reply reply_success(struct strbuf *body, struct slice request_id) {
    struct reply reply = make(body, MHD_HTTP_OK, STATUS_OK, request_id);
    add_header(reply.response, "Content-Type", "application/json");
    return reply;
}

// The gateway answers HEAD where there is GET, and OPTIONS everywhere.
static const char *allow_header(struct arena *a, const char *allow) {
    // "GET" is a whole verb here: no other one holds these letters.
    bool has_get = strstr(allow, "GET") != NULL;
    return arena_printf(a, "%s%s, OPTIONS", allow, has_get ? ", HEAD" : "");
}

static const char *metadata_value(const struct error *error, const char *key) {
    for (const struct error_metadata *m = error->metadata; m != NULL; m = m->next) {
        if (strcmp(m->key, key) == 0) {
            return m->value;
        }
    }
    return NULL;
}

struct reply reply_error(struct arena *a, const struct error *error, struct slice request_id) {
    int status = envelope_error_http_status(error);
    struct strbuf body = STRBUF_INIT;
    envelope_append_error(&body, error, status, request_id);
    struct reply reply = make(&body, status, (int)error->code, request_id);
    add_header(reply.response, "Content-Type", "application/json");
    if (status == MHD_HTTP_UNAUTHORIZED) {
        add_header(reply.response, "WWW-Authenticate", "Bearer");
    } else if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        const char *allow = metadata_value(error, "allow");
        add_header(reply.response, "Allow", allow_header(a, allow != NULL ? allow : ""));
    } else if (status == MHD_HTTP_TOO_MANY_REQUESTS || status == MHD_HTTP_SERVICE_UNAVAILABLE) {
        int64_t seconds = (error->retry_after_ms + 999) / 1000;
        add_header(reply.response, "Retry-After",
                   arena_printf(a, "%" PRId64, seconds < 1 ? 1 : seconds));
    }
    return reply;
}

struct reply reply_options(struct arena *a, const char *allow, struct slice request_id) {
    struct strbuf none = STRBUF_INIT;
    struct reply reply = make(&none, MHD_HTTP_NO_CONTENT, STATUS_OK, request_id);
    add_header(reply.response, "Allow", allow_header(a, allow));
    return reply;
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
