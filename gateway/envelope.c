#include "gateway/envelope.h"

enum { HTTP_BAD_REQUEST = 400, HTTP_INTERNAL_SERVER_ERROR = 500 };

// google/rpc/code.proto, except for FAILED_PRECONDITION, which is 400 there: that a
// resource is in another state is a conflict (docs/API.md).
static const int http_statuses[STATUS_CODE_COUNT] = {
    [STATUS_OK] = 200,
    [STATUS_CANCELLED] = 499,
    [STATUS_UNKNOWN] = 500,
    [STATUS_INVALID_ARGUMENT] = 400,
    [STATUS_DEADLINE_EXCEEDED] = 504,
    [STATUS_NOT_FOUND] = 404,
    [STATUS_ALREADY_EXISTS] = 409,
    [STATUS_PERMISSION_DENIED] = 403,
    [STATUS_RESOURCE_EXHAUSTED] = 429,
    [STATUS_FAILED_PRECONDITION] = 409,
    [STATUS_ABORTED] = 409,
    [STATUS_OUT_OF_RANGE] = 400,
    [STATUS_UNIMPLEMENTED] = 501,
    [STATUS_INTERNAL] = 500,
    [STATUS_UNAVAILABLE] = 503,
    [STATUS_DATA_LOSS] = 500,
    [STATUS_UNAUTHENTICATED] = 401,
};

int envelope_http_status(enum envelope_kind kind, int code) {
    if (code < 0 || code >= STATUS_CODE_COUNT) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    bool is_googles = kind == ENVELOPE_NONE && code == STATUS_FAILED_PRECONDITION;
    return is_googles ? HTTP_BAD_REQUEST : http_statuses[code];
}

int envelope_error_http_status(enum envelope_kind kind, const struct error *error,
                               const struct rpc_status_source *upstream) {
    if (upstream != NULL && upstream->http_status != 0) {
        return upstream->http_status;
    }
    // An upstream may use the same name for another reason: decoded errors have no id.
    int own = reason_http_status(error->reason_id);
    return own != 0 ? own : envelope_http_status(kind, (int)error->code);
}

// --- success ---

void envelope_begin(enum envelope_kind kind, struct strbuf *out) {
    if (kind == ENVELOPE_RUNS) {
        strbuf_append_cstr(out, "{\"code\":200,\"data\":");
    }
}

void envelope_end(enum envelope_kind kind, struct strbuf *out, struct slice request_id) {
    if (kind == ENVELOPE_RUNS) {
        strbuf_append_cstr(out, ",\"message\":\"success\",\"requestId\":");
        strbuf_append_json_string(out, request_id);
        strbuf_append_byte(out, '}');
    }
}

void envelope_stream_begin(enum envelope_kind kind, struct strbuf *out) {
    envelope_begin(kind, out);
    strbuf_append_cstr(out, kind == ENVELOPE_NONE ? "{\"result\":" : "");
}

void envelope_stream_end(enum envelope_kind kind, struct strbuf *out, struct slice request_id) {
    envelope_end(kind, out, request_id);
    strbuf_append_cstr(out, kind == ENVELOPE_NONE ? "}" : "");
}

// --- errors ---

static void append_text(struct strbuf *out, const char *text) {
    strbuf_append_json_string(out, text == NULL ? SLICE_EMPTY : slice_of_cstr(text));
}

static void append_violations(struct strbuf *out, const struct field_violation *violations) {
    if (violations == NULL) {
        return;
    }
    strbuf_append_cstr(out, ",\"fieldViolations\":[");
    for (const struct field_violation *v = violations; v != NULL; v = v->next) {
        strbuf_append_cstr(out, v == violations ? "{\"field\":" : ",{\"field\":");
        append_text(out, v->field);
        strbuf_append_cstr(out, ",\"description\":");
        append_text(out, v->description);
        strbuf_append_byte(out, '}');
    }
    strbuf_append_byte(out, ']');
}

static void append_runs_error(struct strbuf *out, const struct error *error,
                              const struct rpc_status_source *upstream, struct slice request_id) {
    int http_status = envelope_error_http_status(ENVELOPE_RUNS, error, upstream);
    const char *status = status_code_name((int)error->code);
    strbuf_printf(out, "{\"code\":%d,\"message\":", http_status);
    append_text(out, error->message);
    strbuf_append_cstr(out, ",\"requestId\":");
    strbuf_append_json_string(out, request_id);
    strbuf_printf(out, ",\"error\":{\"status\":\"%s\",\"reason\":", status);
    bool has_reason = error->reason != NULL && error->reason[0] != '\0';
    append_text(out, has_reason ? error->reason : reason_name(REASON_UPSTREAM_STATUS));
    strbuf_append_cstr(out, ",\"metadata\":{");
    for (const struct error_metadata *m = error->metadata; m != NULL; m = m->next) {
        if (m != error->metadata) {
            strbuf_append_byte(out, ',');
        }
        append_text(out, m->key);
        strbuf_append_byte(out, ':');
        append_text(out, m->value);
    }
    strbuf_append_byte(out, '}');
    append_violations(out, error->violations);
    strbuf_append_cstr(out, "}}");
}

void envelope_append_error(enum envelope_kind kind, struct strbuf *out, const struct error *error,
                           const struct rpc_status_source *upstream, struct slice request_id) {
    if (kind == ENVELOPE_NONE) {
        rpc_status_json_append(out, error, upstream);
    } else {
        append_runs_error(out, error, upstream, request_id);
    }
}

void envelope_append_stream_error(enum envelope_kind kind, struct strbuf *out,
                                  const struct error *error,
                                  const struct rpc_status_source *upstream,
                                  struct slice request_id) {
    strbuf_append_cstr(out, kind == ENVELOPE_NONE ? "{\"error\":" : "");
    envelope_append_error(kind, out, error, upstream, request_id);
    strbuf_append_cstr(out, kind == ENVELOPE_NONE ? "}" : "");
}
