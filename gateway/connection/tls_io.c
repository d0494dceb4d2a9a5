#include "gateway/connection/tls_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/core/memory.h"

enum { MOST_PARTS = 16 }; // GnuTLS gives as many as there are records

void tls_io_init(struct tls_io *io, struct tls_io_shared *shared, int fd) {
    *io = (struct tls_io){.shared = shared, .fd = fd};
}

static void unlist(struct tls_io *io) {
    struct tls_io **link = &io->shared->holding;
    while (*link != io) {
        link = &(*link)->next_holding;
    }
    *link = io->next_holding;
}

void tls_io_release(struct tls_io *io) {
    if (io->is_listed) {
        unlist(io);
    }
    free(io->ahead);
    strbuf_release(&io->held);
}

// --- receiving ---

static size_t take_ahead(struct tls_io *io, void *bytes, size_t size) {
    size_t left = io->ahead_len - io->ahead_at;
    size_t taken = size < left ? size : left;
    memcpy(bytes, io->ahead + io->ahead_at, taken);
    io->ahead_at += taken;
    if (io->ahead_at == io->ahead_len) {
        free(io->ahead); // an idle connection keeps nothing
        io->ahead = NULL;
        io->ahead_at = io->ahead_len = 0;
    }
    return taken;
}

ssize_t tls_io_receive(struct tls_io *io, void *bytes, size_t size) {
    if (io->ahead != NULL) {
        return (ssize_t)take_ahead(io, bytes, size);
    }
    uint8_t *block = io->shared->block;
    ssize_t n = recv(io->fd, block, TLS_IO_BLOCK_BYTES, MSG_DONTWAIT);
    if (n <= 0) {
        return n;
    }
    size_t received = (size_t)n;
    if (received <= size) {
        memcpy(bytes, block, received);
        return n;
    }
    memcpy(bytes, block, size);
    io->ahead_len = received - size;
    io->ahead = mem_alloc(io->ahead_len);
    memcpy(io->ahead, block + size, io->ahead_len);
    return (ssize_t)size;
}

bool tls_io_has_ahead(const struct tls_io *io) {
    return io->ahead != NULL;
}

// --- sending ---

static void keep(struct tls_io *io, const struct iovec *parts, int count) {
    for (int i = 0; i < count; i++) {
        strbuf_append(&io->held, parts[i].iov_base, parts[i].iov_len);
    }
    if (!io->is_listed) {
        io->is_listed = true;
        io->next_holding = io->shared->holding;
        io->shared->holding = io;
    }
}

static void drop_held(struct tls_io *io, size_t sent) {
    if (sent < io->held.len) {
        memmove(io->held.data, io->held.data + sent, io->held.len - sent);
        io->held.len -= sent;
    } else {
        strbuf_release(&io->held);
    }
}

static ssize_t send_parts(const struct tls_io *io, struct iovec *parts, int count) {
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
    return sendmsg(io->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

// What is held goes first; the result is that of what is given.
ssize_t tls_io_send(struct tls_io *io, const struct iovec *parts, int count) {
    size_t given = 0;
    for (int i = 0; i < count; i++) {
        given += parts[i].iov_len;
    }
    if (io->is_to_hold) {
        io->is_to_hold = false;
        keep(io, parts, count);
        return (ssize_t)given;
    }
    struct iovec all[1 + MOST_PARTS];
    size_t held = io->held.len;
    int used = 0;
    if (held > 0) {
        all[used++] = (struct iovec){io->held.data, held};
    }
    int taken = count < MOST_PARTS ? count : MOST_PARTS;
    memcpy(all + used, parts, (size_t)taken * sizeof(*parts));
    ssize_t n = send_parts(io, all, used + taken);
    if (n < 0 || held == 0) {
        return n;
    }
    drop_held(io, (size_t)n);
    if ((size_t)n > held) {
        return n - (ssize_t)held;
    }
    errno = EAGAIN;
    return given > 0 ? -1 : 0;
}

void tls_io_hold(struct tls_io *io) {
    io->is_to_hold = true;
}

// Returns whether nothing is held any more, or never can be sent.
static bool flush(struct tls_io *io) {
    if (io->held.len == 0) {
        return true;
    }
    struct iovec part = {io->held.data, io->held.len};
    ssize_t n = send_parts(io, &part, 1);
    if (n < 0) {
        bool is_full = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
        if (!is_full) {
            strbuf_release(&io->held); // the connection is gone
        }
        return !is_full;
    }
    drop_held(io, (size_t)n);
    return io->held.len == 0;
}

bool tls_io_flush(struct tls_io_shared *shared) {
    struct tls_io **link = &shared->holding;
    while (*link != NULL) {
        struct tls_io *io = *link;
        io->is_to_hold = false;
        if (flush(io)) {
            *link = io->next_holding;
            io->is_listed = false;
        } else {
            link = &io->next_holding;
        }
    }
    return shared->holding != NULL;
}
