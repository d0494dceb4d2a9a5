#include "gateway/connection/transport.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static void plain_write(const struct transport *transport, struct slice bytes) {
    send(transport->fd, bytes.data, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void plain_end_sending(const struct transport *transport) {
    shutdown(transport->fd, SHUT_WR);
}

static void plain_end(const struct transport *transport) {
    shutdown(transport->fd, SHUT_RDWR);
}

static bool plain_has_unread(const struct transport *transport) {
    int count = 0;
    return ioctl(transport->fd, FIONREAD, &count) == 0 && count > 0;
}

static enum transport_input plain_peek(const struct transport *transport) {
    char byte;
    ssize_t n = recv(transport->fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT);
    if (n > 0) {
        return TRANSPORT_BYTES;
    }
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? TRANSPORT_NOTHING : TRANSPORT_ENDED;
}

struct transport transport_plain(int fd) {
    static const struct transport_kind plain = {
        .write = plain_write,
        .end_sending = plain_end_sending,
        .end = plain_end,
        .has_unread = plain_has_unread,
        .peek = plain_peek,
    };
    return (struct transport){.kind = &plain, .fd = fd};
}
