#include "base/net/open_sockets.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/core/memory.h"

enum { FIRST_SIZE = 64 };

// 0 if fd is no open socket; the kernel counts cookies from 1.
static uint64_t cookie_of(int fd) {
    uint64_t cookie = 0;
    socklen_t length = sizeof(cookie);
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0 ? cookie : 0;
}

void open_sockets_init(struct open_sockets *sockets) {
    *sockets = (struct open_sockets){0};
}

void open_sockets_release(struct open_sockets *sockets) {
    free(sockets->cookies);
    open_sockets_init(sockets);
}

static void grow(struct open_sockets *sockets, int fd) {
    int size = sockets->size > 0 ? sockets->size : FIRST_SIZE;
    while (size <= fd) {
        size *= 2;
    }
    uint64_t *cookies = mem_zalloc((size_t)size * sizeof(*cookies));
    for (int i = 0; i < sockets->size; i++) {
        cookies[i] = sockets->cookies[i];
    }
    free(sockets->cookies);
    sockets->cookies = cookies;
    sockets->size = size;
}

void open_sockets_add(struct open_sockets *sockets, int fd) {
    if (fd >= sockets->size) {
        grow(sockets, fd);
    }
    // An earlier socket with this number has been closed.
    sockets->count += sockets->cookies[fd] == 0;
    sockets->cookies[fd] = cookie_of(fd);
}

void open_sockets_sweep(struct open_sockets *sockets) {
    for (int fd = 0; fd < sockets->size; fd++) {
        if (sockets->cookies[fd] != 0 && sockets->cookies[fd] != cookie_of(fd)) {
            sockets->cookies[fd] = 0;
            sockets->count--;
        }
    }
}
