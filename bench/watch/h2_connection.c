#include "bench/watch/h2_connection.h"

#include <errno.h>
#include <fcntl.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/core/check.h"
#include "base/core/memory.h"

enum {
    READ_BYTES = 64 << 10,
    CONNECTION_WINDOW = 16 << 20, // so that no watcher waits for another one's credit
    STREAM_WINDOW = 1 << 20,
    PREFIX_BYTES = 5, // of a gRPC message: a flag and a length of 32 bits
};

struct h2_connection {
    int fd;
    nghttp2_session *session;
    const uint8_t *unsent; // of nghttp2, valid until it is asked for more
    size_t unsent_len;
    uint8_t *buffer;
};

// --- messages ---

static size_t length_of(const uint8_t *prefix) {
    return (size_t)prefix[1] << 24 | (size_t)prefix[2] << 16 | (size_t)prefix[3] << 8 | prefix[4];
}

// Hands out the whole messages at the beginning of data; returns how many bytes they take.
static size_t hand_out(struct h2_call *call, const uint8_t *data, size_t len) {
    size_t done = 0;
    while (len - done >= PREFIX_BYTES && len - done - PREFIX_BYTES >= length_of(data + done)) {
        size_t size = length_of(data + done);
        call->message(call, slice_of(data + done + PREFIX_BYTES, size));
        done += PREFIX_BYTES + size;
    }
    return done;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                   size_t len, void *context) {
    (void)flags;
    (void)context;
    struct h2_call *call = nghttp2_session_get_stream_user_data(session, stream_id);
    if (call == NULL) {
        return 0;
    }
    if (call->partial.len == 0) {
        size_t done = hand_out(call, data, len);
        strbuf_append(&call->partial, data + done, len - done);
        return 0;
    }
    strbuf_append(&call->partial, data, len);
    size_t done = hand_out(call, call->partial.data, call->partial.len);
    memmove(call->partial.data, call->partial.data + done, call->partial.len - done);
    call->partial.len -= done;
    return 0;
}

// --- heads and ends ---

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *context) {
    (void)flags;
    (void)context;
    struct h2_call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (call != NULL && slice_equal_cstr(slice_of(name, name_len), "grpc-status")) {
        call->grpc_status = 0;
        for (size_t i = 0; i < value_len && value[i] >= '0' && value[i] <= '9' && i < 3; i++) {
            call->grpc_status = 10 * call->grpc_status + value[i] - '0';
        }
    }
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context) {
    (void)context;
    if (frame->hd.type != NGHTTP2_HEADERS || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        return 0;
    }
    struct h2_call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (call != NULL && call->head != NULL) {
        call->head(call);
    }
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream_id, uint32_t error, void *context) {
    (void)error;
    (void)context;
    struct h2_call *call = nghttp2_session_get_stream_user_data(session, stream_id);
    if (call != NULL) {
        call->connection = NULL;
        call->ended(call, call->grpc_status);
    }
    return 0;
}

// --- requests ---

static ssize_t read_request(nghttp2_session *session, int32_t stream_id, uint8_t *buffer,
                            size_t len, uint32_t *flags, nghttp2_data_source *source,
                            void *context) {
    (void)session;
    (void)stream_id;
    (void)context;
    struct h2_call *call = source->ptr;
    size_t left = call->request.len - call->request_sent;
    if (left == 0) {
        return NGHTTP2_ERR_DEFERRED; // it stays open
    }
    size_t n = left < len ? left : len;
    memcpy(buffer, call->request.data + call->request_sent, n);
    call->request_sent += n;
    if (n == left && !call->stays_open) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)n;
}

static nghttp2_nv header(const char *name, struct slice value) {
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value.data,
                        .namelen = strlen(name),
                        .valuelen = value.len,
                        .flags = NGHTTP2_NV_FLAG_NONE};
}

void h2_connection_call(struct h2_connection *c, struct h2_call *call, const char *path,
                        const char *token, struct slice message) {
    call->connection = c;
    call->grpc_status = -1;
    call->request.len = 0;
    call->request_sent = 0;
    call->partial.len = 0;
    const uint8_t prefix[PREFIX_BYTES] = {0, (uint8_t)(message.len >> 24),
                                          (uint8_t)(message.len >> 16), (uint8_t)(message.len >> 8),
                                          (uint8_t)message.len};
    strbuf_append(&call->request, prefix, sizeof(prefix));
    strbuf_append_slice(&call->request, message);
    struct strbuf bearer = STRBUF_INIT;
    strbuf_printf(&bearer, "Bearer %s", token == NULL ? "" : token);
    const nghttp2_nv headers[] = {
        header(":method", slice_of_cstr("POST")),
        header(":scheme", slice_of_cstr("http")),
        header(":path", slice_of_cstr(path)),
        header(":authority", slice_of_cstr("localhost")),
        header("te", slice_of_cstr("trailers")),
        header("content-type", slice_of_cstr("application/grpc")),
        header("authorization", strbuf_slice(&bearer)), // last: not sent without a token
    };
    size_t count = sizeof(headers) / sizeof(headers[0]) - (token == NULL ? 1 : 0);
    const nghttp2_data_provider body = {.source.ptr = call, .read_callback = read_request};
    call->stream_id = nghttp2_submit_request(c->session, NULL, headers, count, &body, call);
    CHECK(call->stream_id > 0);
    strbuf_release(&bearer);
}

// --- the socket ---

bool h2_connection_read(struct h2_connection *c, void (*before)(void *context), void *context) {
    ssize_t n = recv(c->fd, c->buffer, READ_BYTES, 0);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    if (n > 0 && before != NULL) {
        before(context);
    }
    return n > 0 && nghttp2_session_mem_recv(c->session, c->buffer, (size_t)n) == n;
}

bool h2_connection_flush(struct h2_connection *c) {
    for (;;) {
        if (c->unsent_len == 0) {
            ssize_t n = nghttp2_session_mem_send(c->session, &c->unsent);
            if (n <= 0) {
                return n == 0;
            }
            c->unsent_len = (size_t)n;
        }
        ssize_t n = send(c->fd, c->unsent, c->unsent_len, MSG_NOSIGNAL);
        if (n < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        c->unsent += n;
        c->unsent_len -= (size_t)n;
    }
}

bool h2_connection_is_blocked(const struct h2_connection *c) {
    return c->unsent_len > 0;
}

int h2_connection_fd(const struct h2_connection *c) {
    return c->fd;
}

// --- its life ---

static void set_callbacks(nghttp2_session_callbacks *callbacks) {
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
}

struct h2_connection *h2_connection_new(int fd) {
    struct h2_connection *c = mem_zalloc(sizeof(*c));
    c->fd = fd;
    c->buffer = mem_alloc(READ_BYTES);
    CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
    nghttp2_session_callbacks *callbacks;
    CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
    set_callbacks(callbacks);
    CHECK(nghttp2_session_client_new(&c->session, callbacks, c) == 0);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}, {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW}};
    CHECK(nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, 2) == 0);
    CHECK(nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0,
                                                CONNECTION_WINDOW) == 0);
    return c;
}

void h2_connection_free(struct h2_connection *c) {
    if (c == NULL) {
        return;
    }
    nghttp2_session_del(c->session);
    (void)close(c->fd);
    free(c->buffer);
    free(c);
}

void h2_call_release(struct h2_call *call) {
    strbuf_release(&call->request);
    strbuf_release(&call->partial);
}
