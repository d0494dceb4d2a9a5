#include "storage/sqlite/background_sync.h"

#include <unistd.h>

#include "base/core/clock.h"
#include "base/thread/thread.h"
#include "storage/sqlite/connection.h"

static void sync_database(struct background_sync *b) {
    int64_t begin_us = clock_monotonic_us();
    int rc = b->file->pMethods->xSync(b->file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
    metrics_histogram_observe(b->time, clock_monotonic_us() - begin_us);
    if (rc != SQLITE_OK) {
        struct arena a;
        arena_init(&a);
        store_failure_raise(b->failure,
                            sqlite_failure_text(&a, b->db, rc,
                                                "syncing what was copied from the write-ahead "
                                                "log into the database"));
        arena_release(&a);
    }
}

static void *body(void *context) {
    struct background_sync *b = context;
    pthread_mutex_lock(&b->lock);
    while (!b->is_stopping) {
        bool database = b->wants_database;
        bool state = b->wants_state;
        if (!database && !state) {
            pthread_cond_wait(&b->changed, &b->lock);
            continue;
        }
        b->wants_database = false;
        b->wants_state = false;
        b->is_busy = database;
        pthread_mutex_unlock(&b->lock);
        if (database) {
            sync_database(b);
        }
        if (state) {
            (void)fdatasync(b->state_fd);
        }
        pthread_mutex_lock(&b->lock);
        b->is_busy = false;
        pthread_cond_broadcast(&b->changed);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

int background_sync_start(struct background_sync *b, const char *path, int state_fd,
                          struct store_failure *failure, struct metrics_child *time) {
    *b = (struct background_sync){.state_fd = state_fd, .failure = failure, .time = time};
    int rc = sqlite_connect_reader(path, &b->db);
    if (rc == SQLITE_OK) {
        rc = sqlite3_file_control(b->db, "main", SQLITE_FCNTL_FILE_POINTER, &b->file);
    }
    if (rc == SQLITE_OK) {
        pthread_mutex_init(&b->lock, NULL);
        pthread_cond_init(&b->changed, NULL);
        b->thread = thread_start("store-sync", body, b);
        b->is_started = true;
    }
    return rc;
}

void background_sync_stop(struct background_sync *b) {
    if (b->is_started) {
        pthread_mutex_lock(&b->lock);
        b->is_stopping = true;
        pthread_cond_broadcast(&b->changed);
        pthread_mutex_unlock(&b->lock);
        thread_join(b->thread);
        pthread_cond_destroy(&b->changed);
        pthread_mutex_destroy(&b->lock);
    }
    sqlite3_close(b->db);
    *b = (struct background_sync){.db = NULL};
}

void background_sync_database(struct background_sync *b) {
    pthread_mutex_lock(&b->lock);
    b->wants_database = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

void background_sync_state(struct background_sync *b) {
    pthread_mutex_lock(&b->lock);
    b->wants_state = b->state_fd >= 0;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

bool background_sync_is_idle(struct background_sync *b) {
    pthread_mutex_lock(&b->lock);
    bool is_idle = !b->wants_database && !b->is_busy;
    pthread_mutex_unlock(&b->lock);
    return is_idle;
}

void background_sync_wait(struct background_sync *b) {
    pthread_mutex_lock(&b->lock);
    while (b->wants_database || b->is_busy) {
        pthread_cond_wait(&b->changed, &b->lock);
    }
    pthread_mutex_unlock(&b->lock);
}
