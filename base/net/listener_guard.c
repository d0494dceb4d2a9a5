#include "base/net/listener_guard.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "base/thread/condition.h"
#include "base/thread/thread.h"

enum { DEFAULT_LOOK_MS = 2000 };

struct listener_guard {
    struct listener_guard_options options;
    pthread_t thread;
    pthread_mutex_t mutex; // guards the members below
    pthread_cond_t changed;
    struct guarded_listener *listeners;
    bool is_ending;
};

// --- looking ---

void listener_look_at_socket(int fd, struct listener_look *ret_look) {
    int listens = 0;
    socklen_t length = sizeof(listens);
    ret_look->is_closed =
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) != 0 || listens == 0;
    struct pollfd waiting = {fd, POLLIN, 0};
    bool polled = poll(&waiting, 1, 0) == 1;
    ret_look->client_waits = polled && (waiting.revents & POLLIN) != 0;
    // A unix socket that was shut down still counts as listening.
    ret_look->is_closed |= polled && (waiting.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

bool listener_hearing_update(struct listener_hearing *hearing, const struct listener_look *look) {
    bool accepts = look->accepted != hearing->accepted;
    hearing->accepted = look->accepted;
    if (accepts || look->is_full || !look->client_waits) {
        hearing->deaf_looks = 0;
    } else {
        hearing->deaf_looks++;
    }
    return look->is_closed || look->is_file_lost || hearing->deaf_looks >= LISTENER_DEAF_LOOKS;
}

// --- the thread ---

// Waits until the guard ends, at most ms; returns whether it ends. The mutex is held.
static bool wait_for_end(struct listener_guard *guard, int64_t ms) {
    int64_t until_us = clock_monotonic_us() + ms * 1000;
    while (!guard->is_ending && condition_wait(&guard->changed, &guard->mutex, until_us)) {
    }
    return guard->is_ending;
}

static const char *what_is_wrong(const struct listener_look *look) {
    if (look->is_closed) {
        return "a listener has been closed: stopping, for a restart to open it";
    }
    return look->is_file_lost
               ? "a unix socket's file is not ours any more: stopping, for a restart to make it "
                 "again"
               : "a listener is deaf: clients wait and none is accepted: stopping, for a restart "
                 "to open it";
}

// Returns whether no listener is deaf. The mutex is held.
static bool look_at_all(struct listener_guard *guard) {
    for (struct guarded_listener *l = guard->listeners; l != NULL; l = l->next) {
        struct listener_look look = {0};
        l->look(l->context, &look);
        if (listener_hearing_update(&l->hearing, &look)) {
            LOG(guard->options.log, LOG_ERROR, what_is_wrong(&look), log_text("listener", l->what),
                log_text("address", l->address), log_int("accepted", (int64_t)look.accepted));
            return false;
        }
    }
    return true;
}

static void *run(void *argument) {
    struct listener_guard *guard = argument;
    pthread_mutex_lock(&guard->mutex);
    bool ends = false;
    bool all_hear = true;
    while (!ends && all_hear) {
        ends = wait_for_end(guard, guard->options.look_ms);
        all_hear = ends || look_at_all(guard);
    }
    if (!ends) {
        pthread_mutex_unlock(&guard->mutex);
        guard->options.on_deaf(guard->options.context);
        pthread_mutex_lock(&guard->mutex);
        if (!wait_for_end(guard, guard->options.stop_ms)) {
            LOG(guard->options.log, LOG_ERROR, "the stop does not end: the process is ended",
                log_int("stopMs", guard->options.stop_ms));
            log_flush(guard->options.log);
            _exit(EXIT_FAILURE);
        }
    }
    pthread_mutex_unlock(&guard->mutex);
    return NULL;
}

// --- its life ---

struct listener_guard *listener_guard_new(const struct listener_guard_options *options) {
    struct listener_guard *guard = mem_zalloc(sizeof(*guard));
    guard->options = *options;
    guard->options.look_ms = options->look_ms != 0 ? options->look_ms : DEFAULT_LOOK_MS;
    pthread_mutex_init(&guard->mutex, NULL);
    condition_init(&guard->changed);
    guard->thread = thread_start("listener-guard", run, guard);
    return guard;
}

void listener_guard_set_stop_ms(struct listener_guard *guard, int64_t stop_ms) {
    pthread_mutex_lock(&guard->mutex);
    guard->options.stop_ms = stop_ms;
    pthread_mutex_unlock(&guard->mutex);
}

void listener_guard_add(struct listener_guard *guard, struct guarded_listener *listener) {
    pthread_mutex_lock(&guard->mutex);
    listener->hearing = (struct listener_hearing){0};
    listener->next = guard->listeners;
    guard->listeners = listener;
    pthread_mutex_unlock(&guard->mutex);
}

void listener_guard_remove(struct listener_guard *guard, struct guarded_listener *listener) {
    pthread_mutex_lock(&guard->mutex);
    struct guarded_listener **link = &guard->listeners;
    while (*link != NULL && *link != listener) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = listener->next;
    }
    pthread_mutex_unlock(&guard->mutex);
}

int listener_guard_doubts(struct listener_guard *guard) {
    int doubts = 0;
    pthread_mutex_lock(&guard->mutex);
    for (const struct guarded_listener *l = guard->listeners; l != NULL; l = l->next) {
        doubts += l->hearing.deaf_looks >= 2;
    }
    pthread_mutex_unlock(&guard->mutex);
    return doubts;
}

void listener_guard_free(struct listener_guard *guard) {
    if (guard == NULL) {
        return;
    }
    pthread_mutex_lock(&guard->mutex);
    guard->is_ending = true;
    pthread_cond_broadcast(&guard->changed);
    pthread_mutex_unlock(&guard->mutex);
    thread_join(guard->thread);
    pthread_cond_destroy(&guard->changed);
    pthread_mutex_destroy(&guard->mutex);
    free(guard);
}
