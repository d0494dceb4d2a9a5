#include <string.h>

#include "base/log/log_mask.h"
#include "gateway/edge/request_metadata.h"
#include "gateway/http/exchange_internal.h"

// What the log says of an exchange.

enum { SECRET_LEAST = 8 }; // shorter credentials are words that paths hold anyway

enum { LEAST_REFUSAL = 400 }; // of HTTP's status

void exchange_log_detail(const struct exchange *x, const struct error *error) {
    if (error->detail != NULL) {
        LOG(x->context->log, LOG_WARN, error->message, log_slice("requestId", x->request_id),
            log_text("code", status_code_name((int)error->code)),
            log_text("detail", error->detail));
    }
}

// What the client sends as its credentials, without the scheme.
static struct slice credentials_of(const struct exchange *x) {
    struct slice token = x->facts.authorization;
    const uint8_t *space = token.len > 0 ? memrchr(token.data, ' ', token.len) : NULL;
    if (space != NULL) {
        size_t skipped = (size_t)(space + 1 - token.data);
        token = slice_of(space + 1, token.len - skipped);
    }
    return token;
}

// Whether the decoded path holds the credentials, or one half of them.
static bool holds_credentials(struct slice path, struct slice token) {
    size_t half = token.len / 2;
    return token.len >= SECRET_LEAST && path.len >= half &&
           (memmem(path.data, path.len, token.data, half) != NULL ||
            memmem(path.data, path.len, token.data + token.len - half, half) != NULL);
}

// The path as it may be logged: credentials that were put into it by mistake are not,
// in whatever form. *ret_masked says whether something was hidden.
static struct log_field path_field(struct exchange *x, bool *ret_masked) {
    static const char key[] = "path";
    static const char hidden[] = "***";
    size_t n = 0;
    while (n < x->target.len && x->target.data[n] != '?' && x->target.data[n] != '#') {
        n++;
    }
    struct slice path = slice_of(x->target.data, n);
    struct slice decoded = path;
    if (n > 0 && memchr(path.data, '%', n) != NULL) {
        char *plain = arena_alloc(&x->arena, n);
        decoded = slice_of(plain, log_mask_decode(path, plain));
    }
    *ret_masked = true;
    if (holds_credentials(decoded, credentials_of(x))) {
        return log_own_text(key, hidden);
    }
    if (n > LOG_MASK_LONGEST) {
        return log_slice(key, path); // the log cuts and masks it
    }
    char masked[LOG_MASK_SPACE];
    size_t length = log_mask(path, masked);
    *ret_masked = length > 0;
    return log_own_slice(key, length > 0 ? arena_copy(&x->arena, slice_of(masked, length)) : path);
}

// Who sent the request, as the server would be told.
static struct slice client_address(struct exchange *x) {
    const struct request_origin origin = {
        .client_address = x->client_address,
        .is_of_trusted = x->is_of_trusted,
    };
    return request_client_address(&x->arena, &x->context->edge, x->headers, &origin);
}

// Why a request was refused, and whom: these may have no `call` line that tells. Returns how many
// fields it put.
static int put_refusal(struct exchange *x, int status, struct log_field ret_fields[2]) {
    int n = 0;
    if (x->reply.reason != REASON_NONE) {
        ret_fields[n++] = log_own_text("reason", reason_name(x->reply.reason));
    } else if (x->reply.other_reason != NULL) {
        ret_fields[n++] = log_text("reason", x->reply.other_reason);
    }
    struct slice address = status >= LEAST_REFUSAL ? client_address(x) : SLICE_EMPTY;
    if (address.len > 0) {
        ret_fields[n++] = log_slice("clientAddress", address);
    }
    return n;
}

void exchange_log_access(struct exchange *x, int64_t duration_us) {
    const struct logger *log = x->context->log;
    int status = exchange_status(x);
    enum log_level level =
        routing_is_probe(&x->routing) && status < LEAST_REFUSAL ? LOG_DEBUG : LOG_INFO;
    if (!log_enabled(log, level)) {
        return;
    }
    bool is_masked;
    struct log_field fields[11];
    int n = 0;
    fields[n++] = log_slice("requestId", x->request_id);
    char trace_id[TRACE_ID_TEXT_SIZE];
    if (exchange_trace_id(x, trace_id)) {
        fields[n++] = log_own_text("traceId", trace_id);
    }
    fields[n++] = log_slice("method", x->method);
    fields[n++] = path_field(x, &is_masked);
    if (is_masked && x->routing.match.route != NULL) {
        fields[n++] = log_own_text("route", transcoder_route_template(x->routing.match.route));
    }
    fields[n++] = log_int("status", status);
    fields[n++] = log_own_text(
        "code", status_code_name(x->reply.http_status != 0 ? x->reply.code : STATUS_CANCELLED));
    fields[n++] = log_int("durationUs", duration_us);
    fields[n++] = log_int("bytes", (int64_t)x->reply.body_bytes);
    n += put_refusal(x, status, fields + n);
    log_write(log, level, "request", fields, n);
}
