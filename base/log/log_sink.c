#include "base/log/log_sink.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "base/log/log_file.h"
#include "base/thread/condition.h"
#include "base/thread/thread.h"

enum {
    BATCH_BYTES = 1 << 16,
    RETRY_MS = 100, // while nothing can be written
    RETRY_STOPPING_MS = 10,
    TELL_AFTER_US = 1000000, // of dropped lines, while the buffer never gets empty
    DYING_MS = 500,
    JOIN_MS = 100, // beyond the patience, for a thread that hangs in write(2)
    NS_PER_MS = 1000000,
    US_PER_MS = 1000,
};

struct log_sink {
    struct log_file file;
    enum log_format format;
    const char *program;
    pthread_t thread;

    pthread_mutex_t mutex; // guards the members below, and appending
    pthread_cond_t changed;
    bool is_asleep; // the thread waits for lines; while it lingers only many lines wake it
    bool is_lingering;
    bool is_stopping;
    bool is_over; // the thread no longer uses the sink
    int64_t patience_us;

    // Bytes ever appended and ever written: the ring holds what is between. tail is set
    // under the mutex, head by the holder of the claim.
    atomic_size_t tail;
    atomic_size_t head;
    atomic_uint_least64_t dropped;

    atomic_flag claim; // held while writing to the file, by the thread or a crashing one
    uint64_t told;     // dropped lines already reported; the holder's, as the members below
    int64_t told_us;
    char batch[BATCH_BYTES];
    char ring[LOG_SINK_BYTES];
};

// --- appending; on any thread ---

static void copy_in(struct log_sink *s, size_t at, const char *line, size_t length) {
    size_t start = at % LOG_SINK_BYTES;
    size_t first = length < LOG_SINK_BYTES - start ? length : LOG_SINK_BYTES - start;
    memcpy(s->ring + start, line, first);
    memcpy(s->ring, line + first, length - first);
}

void log_sink_put(struct log_sink *s, enum log_level level, const char *line, size_t length) {
    size_t limit = level >= LOG_WARN ? LOG_SINK_BYTES : LOG_SINK_BYTES - LOG_SINK_RESERVE_BYTES;
    pthread_mutex_lock(&s->mutex);
    size_t tail = atomic_load_explicit(&s->tail, memory_order_relaxed);
    size_t used = tail - atomic_load_explicit(&s->head, memory_order_acquire) + length;
    if (used > limit) {
        atomic_fetch_add_explicit(&s->dropped, 1, memory_order_relaxed);
    } else {
        copy_in(s, tail, line, length);
        atomic_store_explicit(&s->tail, tail + length, memory_order_release);
    }
    bool wakes = s->is_asleep || (s->is_lingering && used > LOG_SINK_BYTES / 2);
    if (wakes) {
        s->is_asleep = false;
        s->is_lingering = false;
    }
    pthread_mutex_unlock(&s->mutex);
    if (wakes) {
        pthread_cond_signal(&s->changed);
    }
}

enum log_format log_sink_format(const struct log_sink *s) {
    return s->format;
}

uint64_t log_sink_dropped(struct log_sink *s) {
    return atomic_load_explicit(&s->dropped, memory_order_relaxed);
}

// --- writing; with the claim held ---

static size_t waiting(const struct log_sink *s) {
    return atomic_load_explicit(&s->tail, memory_order_acquire) -
           atomic_load_explicit(&s->head, memory_order_relaxed);
}

// Copies waiting lines, whole ones, into the batch; returns how many bytes.
static size_t take_batch(struct log_sink *s) {
    size_t n = waiting(s);
    size_t most = log_file_batch(&s->file);
    bool is_all = n <= most;
    n = is_all ? n : most;
    size_t start = atomic_load_explicit(&s->head, memory_order_relaxed) % LOG_SINK_BYTES;
    size_t first = n < LOG_SINK_BYTES - start ? n : LOG_SINK_BYTES - start;
    memcpy(s->batch, s->ring + start, first);
    memcpy(s->batch + first, s->ring, n - first);
    if (!is_all) {
        const char *end = memrchr(s->batch, '\n', n); // no line is longer than a batch
        n = (size_t)(end + 1 - s->batch);
    }
    return n;
}

// Logs how many lines were dropped since this was last logged.
static enum log_file_result tell_dropped(struct log_sink *s) {
    uint64_t dropped = log_sink_dropped(s);
    if (dropped == s->told) {
        return LOG_FILE_DONE;
    }
    char line[LOG_LONGEST_LINE];
    const struct log_field count = log_int("count", (int64_t)(dropped - s->told));
    size_t length =
        log_line_format(s->format, s->program, LOG_WARN, "log lines dropped", &count, 1, line);
    size_t written;
    enum log_file_result result = log_file_write(&s->file, line, length, &written);
    if (result == LOG_FILE_DONE) {
        s->told = dropped;
        s->told_us = clock_monotonic_us();
    }
    return result;
}

// Writes the waiting lines until all are written or the reader takes no more.
static enum log_file_result drain(struct log_sink *s) {
    enum log_file_result result = LOG_FILE_DONE;
    while (result == LOG_FILE_DONE && waiting(s) > 0) {
        size_t n = take_batch(s);
        size_t written;
        result = log_file_write(&s->file, s->batch, n, &written);
        atomic_fetch_add_explicit(&s->head, written, memory_order_release);
        if (result == LOG_FILE_DONE && log_sink_dropped(s) != s->told &&
            clock_monotonic_us() - s->told_us > TELL_AFTER_US) {
            result = tell_dropped(s);
        }
    }
    return result == LOG_FILE_DONE ? tell_dropped(s) : result;
}

static void sleep_ms(int ms) {
    const struct timespec time = {0, (long)ms * NS_PER_MS};
    nanosleep(&time, NULL);
}

// --- the thread ---

static int64_t monotonic_in_ms(int64_t ms) {
    return clock_monotonic_us() + ms * US_PER_MS;
}

// Waits a moment for more lines, then until there are any; returns whether to stop.
// Lines that arrive meanwhile do not wake the thread: a wake-up costs more than a write.
static bool wait_for_lines(struct log_sink *s) {
    pthread_mutex_lock(&s->mutex);
    int64_t end_us = monotonic_in_ms(LOG_SINK_LINGER_MS);
    s->is_lingering = true;
    while (s->is_lingering && !s->is_stopping && condition_wait(&s->changed, &s->mutex, end_us)) {
    }
    s->is_lingering = false;
    while (waiting(s) == 0 && !s->is_stopping) {
        s->is_asleep = true;
        pthread_cond_wait(&s->changed, &s->mutex);
    }
    s->is_asleep = false;
    bool is_stopping = s->is_stopping;
    pthread_mutex_unlock(&s->mutex);
    return is_stopping;
}

static bool stops(struct log_sink *s) {
    pthread_mutex_lock(&s->mutex);
    bool is_stopping = s->is_stopping;
    pthread_mutex_unlock(&s->mutex);
    return is_stopping;
}

static enum log_file_result claim_and_drain(struct log_sink *s) {
    while (atomic_flag_test_and_set_explicit(&s->claim, memory_order_acquire)) {
        sleep_ms(1); // a crashing thread is writing
    }
    enum log_file_result result = drain(s);
    atomic_flag_clear_explicit(&s->claim, memory_order_release);
    return result;
}

// The last lines; gives up when the reader takes no more.
static void drain_at_stop(struct log_sink *s) {
    int64_t start_us = clock_monotonic_us();
    int64_t progress_us = start_us;
    size_t left = waiting(s);
    for (;;) {
        enum log_file_result result = claim_and_drain(s);
        if (result != LOG_FILE_FULL) {
            return;
        }
        int64_t now_us = clock_monotonic_us();
        progress_us = waiting(s) < left ? now_us : progress_us;
        left = waiting(s);
        if (now_us - progress_us >= s->patience_us || now_us - start_us >= 4 * s->patience_us) {
            return;
        }
        log_file_wait(&s->file, RETRY_STOPPING_MS);
    }
}

static void *run(void *context) {
    struct log_sink *s = context;
    bool is_stopping = false;
    while (!is_stopping) {
        if (claim_and_drain(s) == LOG_FILE_DONE) {
            is_stopping = wait_for_lines(s);
        } else {
            log_file_wait(&s->file, RETRY_MS);
            is_stopping = stops(s);
        }
    }
    drain_at_stop(s);
    pthread_mutex_lock(&s->mutex);
    s->is_over = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

// --- life ---

static void release(struct log_sink *s) {
    log_file_close(&s->file);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

struct log_sink *log_sink_new(int fd, enum log_format format, const char *program) {
    struct log_sink *s = mem_zalloc(sizeof(*s));
    s->file = log_file_open(fd);
    s->format = format;
    s->program = program;
    pthread_mutex_init(&s->mutex, NULL);
    condition_init(&s->changed);
    atomic_flag_clear(&s->claim);
    if (!thread_try_start("log", run, s, &s->thread)) {
        release(s);
        return NULL;
    }
    return s;
}

void log_sink_free(struct log_sink *s, int patience_ms) {
    if (s == NULL) {
        return;
    }
    pthread_mutex_lock(&s->mutex);
    s->is_stopping = true;
    s->patience_us = (int64_t)patience_ms * US_PER_MS;
    pthread_cond_broadcast(&s->changed);
    int64_t end_us = monotonic_in_ms(4 * (int64_t)patience_ms + JOIN_MS + RETRY_MS);
    while (!s->is_over && condition_wait(&s->changed, &s->mutex, end_us)) {
    }
    bool is_over = s->is_over;
    pthread_mutex_unlock(&s->mutex);
    if (is_over) {
        thread_join(s->thread);
        release(s);
    } else {
        // The thread hangs in a write that cannot be interrupted; the process ends without
        // it, so the memory that it uses is not freed.
        pthread_detach(s->thread);
    }
}

void log_sink_flush_dying(struct log_sink *s, const char *line, size_t length) {
    int64_t end_us = clock_monotonic_us() + DYING_MS * US_PER_MS;
    while (atomic_flag_test_and_set_explicit(&s->claim, memory_order_acquire)) {
        if (clock_monotonic_us() > end_us) {
            return;
        }
        sleep_ms(1);
    }
    size_t written = 0;
    while (drain(s) == LOG_FILE_FULL && clock_monotonic_us() < end_us) {
        log_file_wait(&s->file, RETRY_STOPPING_MS);
    }
    for (size_t at = 0; at < length && clock_monotonic_us() < end_us; at += written) {
        enum log_file_result result = log_file_write(&s->file, line + at, length - at, &written);
        if (result == LOG_FILE_GONE) {
            break;
        }
        if (result == LOG_FILE_FULL) {
            log_file_wait(&s->file, RETRY_STOPPING_MS);
        }
    }
    atomic_flag_clear_explicit(&s->claim, memory_order_release);
}
