#include "gateway/http/timeout_reply.h"

#include <sys/socket.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "gateway/envelope.h"

void timeout_reply_send(int fd, enum envelope_kind kind, struct slice request_id) {
    struct arena a;
    arena_init(&a);
    struct error *error = error_new(&a, STATUS_DEADLINE_EXCEEDED, REASON_REQUEST_TIMEOUT,
                                    "the request was not received completely in time");
    error->domain = REASON_DOMAIN_GATEWAY;
    int status = envelope_error_http_status(kind, error);
    struct strbuf body = STRBUF_INIT;
    envelope_append_error(kind, &body, error, NULL, request_id);
    struct strbuf reply = STRBUF_INIT;
    strbuf_printf(&reply,
                  "HTTP/1.1 %d Request Timeout\r\n"
                  "Content-Type: application/json\r\n"
                  "X-Request-Id: %.*s\r\n"
                  "Cache-Control: no-store\r\n"
                  "Connection: close\r\n"
                  "Content-Length: %zu\r\n\r\n",
                  status, SLICE_FMT(request_id), body.len);
    strbuf_append_slice(&reply, strbuf_slice(&body));
    send(fd, reply.data, reply.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(fd, SHUT_RDWR);
    strbuf_release(&reply);
    strbuf_release(&body);
    arena_release(&a);
}
