#include "gateway/connection/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BLOCK_BYTES = 16 << 10, BLOCKS_AT_ONCE = 8 };

static bool needs_it(const struct transport *transport, bool we_close) {
    enum transport_input input = transport_peek(transport);
    return input == TRANSPORT_BYTES || (input == TRANSPORT_NOTHING && we_close);
}

static void drop_first(struct linger_ring *linger) {
    close(linger->items[linger->first].fd);
    linger->first = (linger->first + 1) % LINGER_MOST;
    linger->count--;
}

void linger_add(struct linger_ring *linger, const struct transport *transport, bool we_close,
                int64_t now_us) {
    if (!needs_it(transport, we_close)) {
        return;
    }
    int own_fd = fcntl(transport->fd, F_DUPFD_CLOEXEC, 0);
    if (own_fd < 0 || own_fd >= linger->max_descriptor) {
        if (own_fd >= 0) {
            close(own_fd);
        }
        return;
    }
    transport_end_sending(transport);
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
