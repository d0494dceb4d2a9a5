#ifndef RUNSD_GATEWAY_CONNECTION_TLS_IO_H
#define RUNSD_GATEWAY_CONNECTION_TLS_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/core/strbuf.h"

// The bytes of a TLS session on their way between GnuTLS and the socket, with fewer system calls
// than by GnuTLS itself, which asks the socket twice for each record: what is there is read at
// once, and the head of a reply waits for its body, which libmicrohttpd gives to GnuTLS right
// behind it. All on the HTTP thread.

enum { TLS_IO_BLOCK_BYTES = 20 << 10 }; // more than a record

struct tls_io;

// What the sessions of one server share; zero-initialize it.
struct tls_io_shared {
    uint8_t block[TLS_IO_BLOCK_BYTES];
    struct tls_io *holding; // those that may hold something back
};

// Of one session; all its own.
struct tls_io {
    struct tls_io_shared *shared;
    int fd;
    uint8_t *ahead; // received and not asked for yet: from ahead_at to ahead_len
    size_t ahead_at;
    size_t ahead_len;
    bool is_to_hold; // the next write
    bool is_listed;
    struct tls_io *next_holding;
    struct strbuf held; // written and not sent yet
};

void tls_io_init(struct tls_io *io, struct tls_io_shared *shared, int fd);
void tls_io_release(struct tls_io *io);

// As recv(2) and sendmsg(2) without waiting. EAGAIN is always the socket's own word: libmicrohttpd
// waits for an edge of epoll then, and one that it was told before is not told again.
ssize_t tls_io_receive(struct tls_io *io, void *bytes, size_t size);
ssize_t tls_io_send(struct tls_io *io, const struct iovec *parts, int count);

// The next write goes together with the one behind it, if that comes before tls_io_flush.
void tls_io_hold(struct tls_io *io);

// Bytes that were received and not asked for.
bool tls_io_has_ahead(const struct tls_io *io);

// Sends what all sessions hold back, as far as there is room. Returns whether something is left:
// then it must be called again soon.
bool tls_io_flush(struct tls_io_shared *shared);

#endif
