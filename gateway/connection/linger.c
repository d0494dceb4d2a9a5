#include "gateway/connection/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BLOCK_BYTES = 16 << 10, BLOCKS_AT_ONCE = 8 };

static bool needs_it(int fd, bool we_close) {
    char byte;
    ssize_t n = recv(fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT);
    return n > 0 || (n < 0 && we_close && (errno == EAGAIN || errno == EWOULDBLOCK));
}

static void drop_first(struct linger_ring *linger) {
    close(linger->items[linger->first].fd);
    linger->first = (linger->first + 1) % LINGER_MOST;
    linger->count--;
}

void linger_add(struct linger_ring *linger, int fd, bool we_close, int64_t now_us) {
    if (!needs_it(fd, we_close)) {
        return;
    }
    int own_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own_fd < 0 || own_fd >= linger->max_descriptor) {
        if (own_fd >= 0) {
            close(own_fd);
        }
        return;
    }
    shutdown(own_fd, SHUT_WR);
    if (linger->count == LINGER_MOST) {
        drop_first(linger);
    }
    size_t at = (linger->first + linger->count++) % LINGER_MOST;
    linger->items[at].fd = own_fd;
    linger->items[at].until_us = now_us + (int64_t)LINGER_MS * 1000;
}

// Returns whether the client may send more.
static bool read_away(int fd) {
    char block[BLOCK_BYTES];
    ssize_t n = 1;
    for (int i = 0; i < BLOCKS_AT_ONCE && n > 0; i++) {
        n = recv(fd, block, sizeof(block), MSG_DONTWAIT);
    }
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR));
}

int linger_run(struct linger_ring *linger, int64_t now_us) {
    if (linger->count == 0) {
        return -1;
    }
    if (now_us < linger->next_look_us) {
        return (int)((linger->next_look_us - now_us + 999) / 1000);
    }
    size_t count = linger->count;
    for (size_t i = 0; i < count; i++) {
        int fd = linger->items[linger->first].fd;
        int64_t until_us = linger->items[linger->first].until_us;
        if (until_us <= now_us || !read_away(fd)) {
            drop_first(linger);
            continue;
        }
        // In the same order behind the others.
        linger->items[(linger->first + linger->count) % LINGER_MOST] = linger->items[linger->first];
        linger->first = (linger->first + 1) % LINGER_MOST;
    }
    linger->next_look_us = now_us + (int64_t)LINGER_PERIOD_MS * 1000;
    return linger->count > 0 ? LINGER_PERIOD_MS : -1;
}

void linger_release(struct linger_ring *linger) {
    while (linger->count > 0) {
        drop_first(linger);
    }
}
