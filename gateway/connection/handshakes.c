#include "gateway/connection/handshakes.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/core/memory.h"

enum { BATCH = 64 };

struct handshakes {
    int epoll_fd;
    struct handshake *running;   // libmicrohttpd's
    struct handshake *suspended; // ours
};

static struct handshake **list_of(struct handshakes *handshakes, const struct handshake *h) {
    return h->is_suspended ? &handshakes->suspended : &handshakes->running;
}

static void leave_list(struct handshakes *handshakes, struct handshake *h) {
    *(h->previous != NULL ? &h->previous->next : list_of(handshakes, h)) = h->next;
    if (h->next != NULL) {
        h->next->previous = h->previous;
    }
}

static void enter_list(struct handshakes *handshakes, struct handshake *h) {
    struct handshake **first = list_of(handshakes, h);
    h->previous = NULL;
    h->next = *first;
    if (h->next != NULL) {
        h->next->previous = h;
    }
    *first = h;
}

static void move(struct handshakes *handshakes, struct handshake *h, bool is_suspended) {
    leave_list(handshakes, h);
    h->is_suspended = is_suspended;
    enter_list(handshakes, h);
}

static void resume(struct handshakes *handshakes, struct handshake *h) {
    move(handshakes, h, false);
    MHD_resume_connection(h->connection);
}

// Once, for what the next step waits for. Returns false without memory for it: then the connection
// stays libmicrohttpd's.
static bool watch(const struct handshakes *handshakes, struct handshake *h) {
    struct epoll_event event = {
        .events = (tls_session_waits_to_send(h->session) ? EPOLLOUT : EPOLLIN) | EPOLLRDHUP |
                  EPOLLONESHOT,
        .data.ptr = h,
    };
    int operation = h->is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    h->is_watched = epoll_ctl(handshakes->epoll_fd, operation, h->fd, &event) == 0 || h->is_watched;
    return h->is_watched;
}

void handshakes_add(struct handshakes *handshakes, struct handshake *h,
                    struct MHD_Connection *connection, struct tls_session *session, int fd) {
    *h = (struct handshake){.connection = connection, .session = session, .fd = fd};
    enter_list(handshakes, h);
}

void handshakes_remove(struct handshakes *handshakes, struct handshake *h) {
    if (h->connection == NULL) {
        return;
    }
    leave_list(handshakes, h);
    if (h->is_watched) {
        struct epoll_event none = {0};
        epoll_ctl(handshakes->epoll_fd, EPOLL_CTL_DEL, h->fd, &none);
    }
    *h = (struct handshake){0};
}

void handshakes_resume_ready(struct handshakes *handshakes) {
    if (handshakes->suspended == NULL) {
        return;
    }
    struct epoll_event events[BATCH];
    int count;
    do {
        count = epoll_wait(handshakes->epoll_fd, events, BATCH, 0);
        for (int i = 0; i < count; i++) {
            resume(handshakes, events[i].data.ptr);
        }
    } while (count == BATCH);
}

void handshakes_suspend(struct handshakes *handshakes) {
    struct handshake *next;
    for (struct handshake *h = handshakes->running; h != NULL; h = next) {
        next = h->next;
        if (watch(handshakes, h)) {
            move(handshakes, h, true);
            MHD_suspend_connection(h->connection);
        }
    }
}

void handshakes_resume_all(struct handshakes *handshakes) {
    while (handshakes->suspended != NULL) {
        resume(handshakes, handshakes->suspended);
    }
}

int handshakes_fd(const struct handshakes *handshakes) {
    return handshakes->epoll_fd;
}

struct handshakes *handshakes_new(void) {
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) {
        return NULL;
    }
    struct handshakes *handshakes = mem_zalloc(sizeof(*handshakes));
    handshakes->epoll_fd = epoll_fd;
    return handshakes;
}

void handshakes_free(struct handshakes *handshakes) {
    if (handshakes != NULL) {
        close(handshakes->epoll_fd);
        free(handshakes);
    }
}
