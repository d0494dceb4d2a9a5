#include "gateway/connection/early_reply.h"

#include "base/core/strbuf.h"
#include "gateway/envelope.h"

int early_reply_send(const struct transport *transport, enum envelope_kind kind,
                     const struct error *error, struct slice request_id) {
    int status = envelope_error_http_status(kind, error, NULL);
    struct strbuf body = STRBUF_INIT;
    envelope_append_error(kind, &body, error, NULL, request_id);
    struct strbuf reply = STRBUF_INIT;
    strbuf_printf(&reply,
                  "HTTP/1.1 %s\r\n"
                  "Content-Type: application/json\r\n"
                  "X-Request-Id: %.*s\r\n"
                  "Cache-Control: no-store\r\n"
                  "Connection: close\r\n"
                  "%s"
                  "Content-Length: %zu\r\n\r\n",
                  status == 408 ? "408 Request Timeout" : "503 Service Unavailable",
                  SLICE_FMT(request_id), status == 408 ? "" : "Retry-After: 1\r\n", body.len);
    strbuf_append_slice(&reply, strbuf_slice(&body));
    transport_write(transport, strbuf_slice(&reply));
    transport_end_sending(transport);
    strbuf_release(&reply);
    strbuf_release(&body);
    return status;
}
