#include "gateway/http/reaper.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "gateway/http/timeout_reply.h"

enum { PERIOD_MS = 1000, BATCH = 256 };

struct reaper {
    int64_t idle_limit_us;
    int64_t request_limit_us;
    enum envelope_kind envelope;
    pthread_t thread;

    pthread_mutex_t mutex; // guards what follows and all entries
    pthread_cond_t changed;
    struct reaper_entry *entries;
    size_t busy_count;    // not IDLE
    size_t calling_count; // CALLING
    bool is_cancelling;
    bool is_awaited; // somebody waits for fewer busy or calling ones
    bool is_ending;
};

static struct timespec monotonic_in_ms(int64_t ms) {
    int64_t at_us = clock_monotonic_us() + ms * 1000;
    return (struct timespec){at_us / 1000000, at_us % 1000000 * 1000};
}

// --- the thread ---

// Connections that are quiet, receive or call upstream, to be asked whether the
// client is there.
struct batch {
    struct pollfd fds[BATCH];
    struct reaper_entry *entries[BATCH];
    nfds_t count;
};

// Whether bytes of the client wait to be read.
static bool has_unread(int fd) {
    int count = 0;
    return ioctl(fd, FIONREAD, &count) == 0 && count > 0;
}

static void end_abandoned(struct batch *batch) {
    if (batch->count > 0 && poll(batch->fds, batch->count, 0) > 0) {
        for (nfds_t i = 0; i < batch->count; i++) {
            if (batch->fds[i].revents == 0) {
                continue;
            }
            if (batch->entries[i]->call != NULL) {
                batch->entries[i]->cancel(batch->entries[i]->call);
            } else if (batch->entries[i]->state == REAPER_IDLE || !has_unread(batch->fds[i].fd)) {
                shutdown(batch->fds[i].fd, SHUT_RDWR);
            }
        }
    }
    batch->count = 0;
}

// Whether to ask for the client of a connection. libmicrohttpd looks at no
// connection that is suspended for a call; and its version 0.9.75 overlooks an end
// that arrives together with the last bytes, so that a quiet connection, or one with
// half a request, would stay until it times out.
static bool may_be_abandoned(const struct reaper_entry *e) {
    return e->state == REAPER_IDLE || e->state == REAPER_RECEIVING || e->call != NULL;
}

// Answers a request that takes too long to arrive.
static void time_out(const struct reaper *reaper, struct reaper_entry *e) {
    if (e->timed_out) {
        return;
    }
    e->timed_out = true;
    if (e->request_id.len > 0 && e->request_id.len <= REQUEST_ID_LONGEST) {
        memcpy(e->timed_out_id, e->request_id.data, e->request_id.len);
        e->timed_out_id[e->request_id.len] = '\0';
    } else {
        uuid_make(e->timed_out_id);
    }
    timeout_reply_send(e->fd, reaper->envelope, slice_of_cstr(e->timed_out_id));
}

static void inspect(struct reaper *reaper) {
    int64_t now_us = clock_monotonic_us();
    struct batch batch;
    batch.count = 0;
    for (struct reaper_entry *e = reaper->entries; e != NULL; e = e->next) {
        int64_t lasts_us = now_us - e->since_us;
        if (e->state == REAPER_RECEIVING && lasts_us > reaper->request_limit_us) {
            time_out(reaper, e);
        } else if (e->state == REAPER_IDLE && lasts_us > reaper->idle_limit_us) {
            // The HTTP thread sees the end of the stream and closes.
            shutdown(e->fd, SHUT_RDWR);
        } else if (may_be_abandoned(e) && lasts_us > (int64_t)PERIOD_MS * 1000 / 2) {
            batch.entries[batch.count] = e;
            batch.fds[batch.count++] = (struct pollfd){.fd = e->fd, .events = POLLRDHUP};
            if (batch.count == BATCH) {
                end_abandoned(&batch);
            }
        }
    }
    end_abandoned(&batch);
}

static void *run(void *argument) {
    struct reaper *reaper = argument;
    pthread_mutex_lock(&reaper->mutex);
    while (!reaper->is_ending) {
        struct timespec next = monotonic_in_ms(PERIOD_MS);
        int r = 0;
        while (!reaper->is_ending && r != ETIMEDOUT) {
            r = pthread_cond_timedwait(&reaper->changed, &reaper->mutex, &next);
        }
        if (!reaper->is_ending) {
            inspect(reaper);
        }
    }
    pthread_mutex_unlock(&reaper->mutex);
    return NULL;
}

// --- the life of a reaper ---

struct reaper *reaper_new(int64_t idle_timeout_ms, int64_t request_timeout_ms,
                          enum envelope_kind envelope) {
    struct reaper *reaper = mem_zalloc(sizeof(*reaper));
    reaper->envelope = envelope;
    reaper->request_limit_us = request_timeout_ms * 1000;
    reaper->idle_limit_us = (idle_timeout_ms + request_timeout_ms) * 1000;
    pthread_mutex_init(&reaper->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&reaper->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    CHECK(pthread_create(&reaper->thread, NULL, run, reaper) == 0); // else as out of memory
    pthread_setname_np(reaper->thread, "http-reaper");
    return reaper;
}

void reaper_free(struct reaper *reaper) {
    if (reaper == NULL) {
        return;
    }
    pthread_mutex_lock(&reaper->mutex);
    reaper->is_ending = true;
    pthread_cond_broadcast(&reaper->changed);
    pthread_mutex_unlock(&reaper->mutex);
    pthread_join(reaper->thread, NULL);
    pthread_cond_destroy(&reaper->changed);
    pthread_mutex_destroy(&reaper->mutex);
    free(reaper);
}

// --- connections ---

static void set_state(struct reaper *reaper, struct reaper_entry *entry, enum reaper_state state) {
    reaper->busy_count += state != REAPER_IDLE;
    reaper->busy_count -= entry->state != REAPER_IDLE;
    reaper->calling_count += state == REAPER_CALLING;
    reaper->calling_count -= entry->state == REAPER_CALLING;
    entry->state = state;
    entry->since_us = clock_monotonic_us();
    entry->call = NULL;
    entry->request_id = SLICE_EMPTY;
    if (reaper->is_awaited) {
        pthread_cond_broadcast(&reaper->changed);
    }
}

struct reaper_entry *reaper_add(struct reaper *reaper, int fd) {
    struct reaper_entry *entry = mem_zalloc(sizeof(*entry));
    entry->fd = fd;
    entry->state = REAPER_IDLE;
    entry->since_us = clock_monotonic_us();
    pthread_mutex_lock(&reaper->mutex);
    entry->next = reaper->entries;
    entry->link = &reaper->entries;
    if (entry->next != NULL) {
        entry->next->link = &entry->next;
    }
    reaper->entries = entry;
    pthread_mutex_unlock(&reaper->mutex);
    return entry;
}

void reaper_remove(struct reaper *reaper, struct reaper_entry *entry) {
    pthread_mutex_lock(&reaper->mutex);
    set_state(reaper, entry, REAPER_IDLE);
    *entry->link = entry->next;
    if (entry->next != NULL) {
        entry->next->link = entry->link;
    }
    pthread_mutex_unlock(&reaper->mutex);
    free(entry);
}

void reaper_set_state(struct reaper *reaper, struct reaper_entry *entry, enum reaper_state state) {
    pthread_mutex_lock(&reaper->mutex);
    set_state(reaper, entry, state);
    pthread_mutex_unlock(&reaper->mutex);
}

void reaper_set_request_id(struct reaper *reaper, struct reaper_entry *entry, struct slice id) {
    pthread_mutex_lock(&reaper->mutex);
    entry->request_id = id;
    pthread_mutex_unlock(&reaper->mutex);
}

bool reaper_timed_out(struct reaper *reaper, struct reaper_entry *entry, struct slice *ret_id) {
    pthread_mutex_lock(&reaper->mutex);
    bool timed_out = entry->timed_out;
    pthread_mutex_unlock(&reaper->mutex);
    if (timed_out) {
        *ret_id = slice_of_cstr(entry->timed_out_id);
    }
    return timed_out;
}

bool reaper_begin_call(struct reaper *reaper, struct reaper_entry *entry) {
    pthread_mutex_lock(&reaper->mutex);
    bool allowed = !reaper->is_cancelling && !entry->timed_out;
    if (allowed) {
        set_state(reaper, entry, REAPER_CALLING);
    }
    pthread_mutex_unlock(&reaper->mutex);
    return allowed;
}

void reaper_call_started(struct reaper *reaper, struct reaper_entry *entry,
                         void (*cancel)(void *call), void *call) {
    pthread_mutex_lock(&reaper->mutex);
    entry->cancel = cancel;
    entry->call = call;
    if (reaper->is_cancelling) {
        cancel(call);
    }
    pthread_mutex_unlock(&reaper->mutex);
}

void reaper_stream(struct reaper *reaper, struct reaper_entry *entry) {
    pthread_mutex_lock(&reaper->mutex);
    void (*cancel)(void *call) = entry->cancel;
    void *call = entry->call;
    set_state(reaper, entry, REAPER_STREAMING);
    entry->cancel = cancel;
    entry->call = call;
    pthread_mutex_unlock(&reaper->mutex);
}

void reaper_end_call(struct reaper *reaper, struct reaper_entry *entry) {
    reaper_set_state(reaper, entry, REAPER_REPLYING);
}

// --- the end ---

bool reaper_wait_idle(struct reaper *reaper, int64_t timeout_ms) {
    struct timespec end = monotonic_in_ms(timeout_ms);
    int r = 0;
    pthread_mutex_lock(&reaper->mutex);
    reaper->is_awaited = true;
    while (reaper->busy_count > 0 && r != ETIMEDOUT) {
        r = pthread_cond_timedwait(&reaper->changed, &reaper->mutex, &end);
    }
    bool idle = reaper->busy_count == 0;
    pthread_mutex_unlock(&reaper->mutex);
    return idle;
}

void reaper_cancel_all(struct reaper *reaper) {
    pthread_mutex_lock(&reaper->mutex);
    reaper->is_awaited = true;
    reaper->is_cancelling = true;
    for (struct reaper_entry *e = reaper->entries; e != NULL; e = e->next) {
        if (e->call != NULL) {
            e->cancel(e->call);
        }
    }
    while (reaper->calling_count > 0) {
        pthread_cond_wait(&reaper->changed, &reaper->mutex);
    }
    pthread_mutex_unlock(&reaper->mutex);
}
