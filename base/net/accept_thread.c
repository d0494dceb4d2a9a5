#include "base/net/accept_thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "base/net/listen_socket.h"
#include "base/net/open_sockets.h"
#include "base/thread/thread.h"

enum {
    US_PER_MS = 1000,
    MOST_ADDRESSES = 4,   // of one name
    MOST_AT_ONCE = 64,    // accepted before the others have their turn
    MOST_REFUSED = 4096,  // in one turn: a whole backlog
    GRACE_MS = 200,       // at the limit, before new connections are refused
    PAUSE_MS = 50,        // without descriptors or memory
    SWEEPS_SHARE = 50,    // of a ms a connection, between two counts: 1 % of a processor
    FILE_CHECK_MS = 1000, // of unix sockets
    LOG_AGAIN_MS = 10000, // between log lines about the same condition
    LOG_FILE_AGAIN_MS = 60000,
};

struct listener {
    struct listener *next;
    struct accept_thread *thread;
    struct address address; // a copy
    void *context;          // for take
    struct listen_socket socket;
    bool is_closed; // accept reported that the socket no longer listens
    atomic_uint_least64_t accepted;
    int64_t file_logged_us; // that it cannot be made again; 0: it can
    struct guarded_listener guarded;
};

struct accept_thread {
    struct accept_thread_options options;
    struct listener_guard *guard;
    struct listener *listeners;
    nfds_t listener_count;
    pthread_t thread;
    int wake_fd; // eventfd: stop
    bool is_running;
    pthread_mutex_t mutex; // guards the listeners' sockets against the guard's looks

    pthread_mutex_t open_mutex; // guards open
    struct open_sockets open;
    atomic_int_least64_t accepted; // for accept_thread_count, as the next two
    atomic_int_least64_t refused_full;
    atomic_int_least64_t refused_shortage;

    // The thread's.
    struct pollfd *polled;   // wake_fd, then the listeners in order
    int64_t counted_us;      // when open was true
    int64_t full_since_us;   // 0: there was room
    int64_t paused_until_us; // 0: not paused
    int64_t file_check_us;   // the next one
    int64_t refused_logged_us;
    int64_t refused; // since then
    int64_t starved_logged_us;
    atomic_bool is_starved; // there are no descriptors or no memory
};

// --- accepting; on the thread ---

static int open_count(struct accept_thread *t) {
    pthread_mutex_lock(&t->open_mutex);
    int count = t->open.count;
    pthread_mutex_unlock(&t->open_mutex);
    return count;
}

static int count_anew(struct accept_thread *t) {
    pthread_mutex_lock(&t->open_mutex);
    open_sockets_sweep(&t->open);
    int count = t->open.count;
    pthread_mutex_unlock(&t->open_mutex);
    return count;
}

static int64_t count_interval_us(struct accept_thread *t) {
    return (1 + open_count(t) / SWEEPS_SHARE) * (int64_t)US_PER_MS;
}

// Whether one more connection may be open. Counts anew, by asking the kernel, only when
// the limit seems reached, and not too often.
static bool has_room(struct accept_thread *t, int64_t now) {
    int count = open_count(t);
    if (count >= t->options.max_connections && now - t->counted_us >= count_interval_us(t)) {
        count = count_anew(t);
        t->counted_us = now;
    }
    return count < t->options.max_connections;
}

static void log_refused(struct accept_thread *t, int64_t now) {
    if (t->refused == 0 || now - t->refused_logged_us < LOG_AGAIN_MS * US_PER_MS) {
        return;
    }
    LOG(t->options.log, LOG_WARN, "connections are refused: as many as may be are open",
        log_text("listener", t->options.what), log_text("option", t->options.option),
        log_int("limit", t->options.max_connections), log_int("refused", t->refused));
    t->refused = 0;
    t->refused_logged_us = now;
}

// What accept failed with; returns whether the next one may be tried at once.
static bool accept_failed(struct listener *l, int number, int64_t now) {
    struct accept_thread *t = l->thread;
    switch (number) {
    case EAGAIN:
        return false;
    case EINTR:
    case ECONNABORTED:
    case EPERM:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
        return true; // of that one connection: accept(2)
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
    case EOPNOTSUPP:
        l->is_closed = true; // the guard sees it as well
        LOG(t->options.log, LOG_ERROR, "a listener has been closed",
            log_text("listener", t->options.what), log_text("address", l->address.text),
            log_text("error", strerror(number)));
        return false;
    default: // EMFILE, ENFILE, ENOBUFS, ENOMEM
        break;
    }
    atomic_store(&t->is_starved, true);
    t->paused_until_us = now + PAUSE_MS * US_PER_MS;
    if (now - t->starved_logged_us >= LOG_AGAIN_MS * US_PER_MS) {
        t->starved_logged_us = now;
        LOG(t->options.log, LOG_ERROR, "connections cannot be accepted, and wait",
            log_text("listener", t->options.what), log_text("address", l->address.text),
            log_text("error", strerror(number)));
    }
    return false;
}

static void take(struct listener *l, int connection, int64_t now) {
    struct accept_thread *t = l->thread;
    bool is_full = !has_room(t, now);
    if (is_full || connection >= t->options.max_descriptor) {
        close(connection);
        t->refused++;
        atomic_fetch_add(is_full ? &t->refused_full : &t->refused_shortage, 1);
        return;
    }
    pthread_mutex_lock(&t->open_mutex);
    open_sockets_add(&t->open, connection);
    pthread_mutex_unlock(&t->open_mutex);
    t->options.take(l->context, l->socket.fd, connection);
}

static void accept_some(struct listener *l) {
    struct accept_thread *t = l->thread;
    int64_t now = clock_monotonic_us();
    bool refuses = !has_room(t, now);
    t->full_since_us = !refuses ? 0 : t->full_since_us != 0 ? t->full_since_us : now;
    if (refuses && (t->counted_us != now || now - t->full_since_us < GRACE_MS * US_PER_MS)) {
        // Some may have been closed since they were counted, or are about to be: the thread
        // that owns them may be behind. No client is refused because of those.
        t->paused_until_us = t->counted_us + count_interval_us(t);
        return;
    }
    for (int i = 0; i < (refuses ? MOST_REFUSED : MOST_AT_ONCE); i++) {
        if (!refuses && !has_room(t, now)) {
            break; // counted again before a client is refused
        }
        int connection = accept4(l->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (connection >= 0) {
            atomic_fetch_add(&l->accepted, 1);
            atomic_fetch_add(&t->accepted, 1);
            atomic_store(&t->is_starved, false);
            take(l, connection, now);
        } else if (!accept_failed(l, errno, now)) {
            break;
        }
    }
    log_refused(t, now);
}

// --- the files of unix sockets ---

static void log_lost_file(struct listener *l, const struct error *error, int64_t now) {
    if (l->file_logged_us != 0 && now - l->file_logged_us < LOG_FILE_AGAIN_MS * US_PER_MS) {
        return;
    }
    l->file_logged_us = now;
    LOG(l->thread->options.log, LOG_ERROR,
        "a unix socket's file was lost and cannot be made again: clients cannot connect",
        log_text("listener", l->thread->options.what), log_text("address", l->address.text),
        log_text("error", error->message));
}

static void replace_socket(struct listener *l, const struct listen_socket *fresh) {
    accept_some(l); // clients that connected while the file was there
    struct listen_socket old = l->socket;
    pthread_mutex_lock(&l->thread->mutex);
    l->socket = *fresh;
    pthread_mutex_unlock(&l->thread->mutex);
    l->is_closed = false;
    l->file_logged_us = 0;
    listen_socket_close(&old);
    LOG(l->thread->options.log, LOG_WARN, "a unix socket's file was gone and is made again",
        log_text("listener", l->thread->options.what), log_text("address", l->address.text));
}

// That of an inherited socket is not ours to look after.
static bool has_file(const struct listener *l) {
    return l->address.kind == ADDRESS_UNIX && !l->socket.is_inherited;
}

static void check_files(struct accept_thread *t, int64_t now) {
    struct arena a;
    arena_init(&a);
    for (struct listener *l = t->listeners; l != NULL; l = l->next) {
        if (!has_file(l) || socket_file_is_ours(&l->socket.file)) {
            continue;
        }
        struct listen_socket fresh;
        const struct error *error = listen_socket_open(&a, &l->address, &fresh);
        if (error != NULL) {
            log_lost_file(l, error, now);
        } else {
            replace_socket(l, &fresh);
        }
    }
    arena_release(&a);
    t->file_check_us = now + FILE_CHECK_MS * US_PER_MS;
}

static bool has_files(const struct accept_thread *t) {
    for (const struct listener *l = t->listeners; l != NULL; l = l->next) {
        if (has_file(l)) {
            return true;
        }
    }
    return false;
}

// --- the thread ---

// Waits for connections; in ms until the pause's end or the next check of files.
static void wait_for_some(struct accept_thread *t, int64_t now) {
    bool paused = t->paused_until_us > now;
    int64_t until_us = has_files(t) ? t->file_check_us : 0;
    if (paused && (until_us == 0 || t->paused_until_us < until_us)) {
        until_us = t->paused_until_us;
    }
    t->polled[0] = (struct pollfd){t->wake_fd, POLLIN, 0};
    nfds_t i = 1;
    for (const struct listener *l = t->listeners; l != NULL; l = l->next) {
        t->polled[i++] = (struct pollfd){paused || l->is_closed ? -1 : l->socket.fd, POLLIN, 0};
    }
    int64_t wait_ms = until_us > now ? (until_us - now + US_PER_MS - 1) / US_PER_MS : 0;
    if (poll(t->polled, 1 + t->listener_count, until_us == 0 ? -1 : (int)wait_ms) < 0) {
        for (i = 0; i <= t->listener_count; i++) {
            t->polled[i].revents = 0;
        }
    }
}

static void *run(void *argument) {
    struct accept_thread *t = argument;
    t->file_check_us = clock_monotonic_us() + FILE_CHECK_MS * US_PER_MS;
    for (;;) {
        wait_for_some(t, clock_monotonic_us());
        if (t->polled[0].revents != 0) {
            return NULL;
        }
        nfds_t i = 1;
        for (struct listener *l = t->listeners; l != NULL; l = l->next) {
            if (t->polled[i++].revents != 0) {
                accept_some(l);
            }
        }
        int64_t now = clock_monotonic_us();
        if (now >= t->file_check_us) {
            check_files(t, now);
        }
    }
}

// On the guard's thread.
static void look(void *context, struct listener_look *ret_look) {
    struct listener *l = context;
    pthread_mutex_lock(&l->thread->mutex);
    listener_look_at_socket(l->socket.fd, ret_look);
    pthread_mutex_unlock(&l->thread->mutex);
    ret_look->is_full = atomic_load(&l->thread->is_starved);
    ret_look->accepted = atomic_load(&l->accepted);
}

// --- its life ---

struct accept_thread *accept_thread_new(const struct accept_thread_options *options) {
    struct accept_thread *t = mem_zalloc(sizeof(*t));
    t->options = *options;
    t->wake_fd = -1;
    t->refused_logged_us = t->starved_logged_us = -LOG_AGAIN_MS * (int64_t)US_PER_MS;
    pthread_mutex_init(&t->mutex, NULL);
    pthread_mutex_init(&t->open_mutex, NULL);
    open_sockets_init(&t->open);
    return t;
}

static void add_listener(struct accept_thread *t, const struct address *address, void *context,
                         const struct listen_socket *socket) {
    struct listener *l = mem_zalloc(sizeof(*l));
    l->thread = t;
    l->socket = *socket;
    l->context = context;
    l->address = *address;
    l->address.text = mem_strdup(address->text);
    l->address.host = address->host != NULL ? mem_strdup(address->host) : NULL;
    l->address.path = address->path != NULL ? mem_strdup(address->path) : NULL;
    l->address.name = NULL; // not asked for any more
    l->guarded = (struct guarded_listener){
        .what = t->options.what, .address = l->address.text, .look = look, .context = l};
    l->next = t->listeners;
    t->listeners = l;
    t->listener_count++;
}

const struct error *accept_thread_listen(struct accept_thread *t, struct arena *a,
                                         const struct address *address, void *context,
                                         int *ret_port) {
    if (t->wake_fd < 0) {
        t->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    if (t->wake_fd < 0) {
        return listen_error(a, address, strerror(errno));
    }
    struct listen_socket sockets[MOST_ADDRESSES];
    size_t count;
    const struct error *error = listen_socket_open_all(a, address, sockets, MOST_ADDRESSES, &count);
    if (error != NULL) {
        return error;
    }
    for (size_t i = 0; i < count; i++) {
        add_listener(t, address, context, &sockets[i]);
    }
    *ret_port = sockets[0].port;
    return NULL;
}

void accept_thread_start(struct accept_thread *t, struct listener_guard *guard) {
    if (t->listeners == NULL) {
        return;
    }
    t->polled = mem_zalloc((1 + t->listener_count) * sizeof(*t->polled));
    t->thread = thread_start("accept", run, t);
    t->is_running = true;
    t->guard = guard;
    for (struct listener *l = t->listeners; l != NULL && guard != NULL; l = l->next) {
        listener_guard_add(guard, &l->guarded);
    }
}

static void free_listener(struct listener *l) {
    listen_socket_close(&l->socket);
    free((char *)(uintptr_t)l->address.text);
    free((char *)(uintptr_t)l->address.host);
    free((char *)(uintptr_t)l->address.path);
    free(l);
}

void accept_thread_stop(struct accept_thread *t) {
    for (struct listener *l = t->listeners; l != NULL && t->guard != NULL; l = l->next) {
        listener_guard_remove(t->guard, &l->guarded);
    }
    if (t->is_running) {
        uint64_t one = 1;
        ssize_t written = write(t->wake_fd, &one, sizeof(one));
        (void)written; // it cannot fail: no other code writes to it
        thread_join(t->thread);
        t->is_running = false;
    }
    while (t->listeners != NULL) {
        struct listener *next = t->listeners->next;
        free_listener(t->listeners);
        t->listeners = next;
    }
    t->listener_count = 0;
}

void accept_thread_count(struct accept_thread *t, struct accept_counts *ret) {
    *ret = (struct accept_counts){
        .accepted = atomic_load(&t->accepted),
        .refused_full = atomic_load(&t->refused_full),
        .refused_shortage = atomic_load(&t->refused_shortage),
        .open = count_anew(t),
    };
}

void accept_thread_free(struct accept_thread *t) {
    if (t == NULL) {
        return;
    }
    accept_thread_stop(t);
    if (t->wake_fd >= 0) {
        close(t->wake_fd);
    }
    open_sockets_release(&t->open);
    pthread_mutex_destroy(&t->open_mutex);
    pthread_mutex_destroy(&t->mutex);
    free(t->polled);
    free(t);
}
