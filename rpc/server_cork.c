#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "rpc/server_cork_internal.h"

// Three system calls a connection must save more than they cost.
enum { FEWEST_ANSWERS = 3, ANSWERS_PER_CONNECTION = 2 };
// Messages of streams between two looks whether they are enough.
enum { LOOK_EVERY = 16 };

// 0 if fd is no open socket; the kernel counts cookies from 1.
static uint64_t cookie_of(int fd) {
    uint64_t cookie = 0;
    socklen_t length = sizeof(cookie);
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0 ? cookie : 0;
}

static bool set_cork(int fd, int value) {
    return setsockopt(fd, IPPROTO_TCP, TCP_CORK, &value, sizeof(value)) == 0;
}

static bool is_open(const struct server_cork_socket *socket) {
    return cookie_of(socket->fd) == socket->cookie;
}

// The mutex is held, as by the next.
static void remove_at(struct server_cork *cork, size_t i) {
    cork->count--;
    cork->sockets[i] = cork->sockets[cork->count];
}

static void remove_closed(struct server_cork *cork) {
    for (size_t i = cork->count; i > 0; i--) {
        if (!is_open(&cork->sockets[i - 1])) {
            remove_at(cork, i - 1);
        }
    }
}

void server_cork_init(struct server_cork *cork) {
    pthread_mutex_init(&cork->mutex, NULL);
    cork->count = 0;
    cork->is_corked = false;
    cork->written = 0;
}

void server_cork_release(struct server_cork *cork) {
    pthread_mutex_destroy(&cork->mutex);
}

void server_cork_add(struct server_cork *cork, int fd) {
    uint64_t cookie = cookie_of(fd);
    pthread_mutex_lock(&cork->mutex);
    if (cork->count == SERVER_CORK_CONNECTIONS) {
        remove_closed(cork);
    }
    if (cookie != 0 && cork->count < SERVER_CORK_CONNECTIONS) {
        cork->sockets[cork->count++] = (struct server_cork_socket){.fd = fd, .cookie = cookie};
    }
    pthread_mutex_unlock(&cork->mutex);
}

// A connection may be closed, and its number be another socket's, between the look and the
// option: that one is then corked until the round's end, and no longer.
void server_cork_begin(struct server_cork *cork, size_t answers) {
    pthread_mutex_lock(&cork->mutex);
    if (answers >= FEWEST_ANSWERS && answers >= ANSWERS_PER_CONNECTION * cork->count) {
        remove_closed(cork);
        for (size_t i = 0; i < cork->count; i++) {
            struct server_cork_socket *socket = &cork->sockets[i];
            socket->is_corked = set_cork(socket->fd, 1);
            cork->is_corked |= socket->is_corked;
        }
    }
    pthread_mutex_unlock(&cork->mutex);
}

void server_cork_end(struct server_cork *cork) {
    cork->written = 0;
    if (!cork->is_corked) {
        return;
    }
    cork->is_corked = false;
    pthread_mutex_lock(&cork->mutex);
    for (size_t i = 0; i < cork->count; i++) {
        struct server_cork_socket *socket = &cork->sockets[i];
        if (socket->is_corked) {
            socket->is_corked = false;
            set_cork(socket->fd, 0);
        }
    }
    pthread_mutex_unlock(&cork->mutex);
}

void server_cork_writing(struct server_cork *cork) {
    cork->written++;
    if (!cork->is_corked && cork->written % LOOK_EVERY == 0) {
        server_cork_begin(cork, cork->written);
    } else if (cork->is_corked && cork->written >= SERVER_CORK_PIECE) {
        server_cork_end(cork);
        server_cork_begin(cork, SERVER_CORK_PIECE);
    }
}
