#include "storage/sqlite/checkpoint.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/core/arena.h"
#include "base/core/clock.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/log_readers.h"

// A page in the log, with its frame's header, and the log's own header.
enum { FRAME_BYTES = 4096 + 24, LOG_HEADER_BYTES = 32 };

static void begin_anew(struct checkpointer *c) {
    c->log_pages = 0;
    c->next_idle = CHECKPOINT_IDLE_PAGES;
    c->next_forced = CHECKPOINT_FORCED_PAGES;
}

static int64_t log_bytes(int pages) {
    return LOG_HEADER_BYTES + (int64_t)pages * FRAME_BYTES;
}

static int note_log_size(void *context, sqlite3 *db, const char *schema, int log_pages) {
    (void)db;
    (void)schema;
    struct checkpointer *c = context;
    if (log_pages < c->log_pages) {
        begin_anew(c);
    }
    if (c->log_pages == 0 && c->file_pages > CHECKPOINT_KEPT_PAGES) {
        c->file_pages = CHECKPOINT_KEPT_PAGES; // SQLite cut it: journal_size_limit
    }
    c->log_pages = log_pages;
    c->file_pages = log_pages > c->file_pages ? log_pages : c->file_pages;
    return SQLITE_OK;
}

static int pages_of_file(const char *path) {
    struct arena a;
    arena_init(&a);
    struct stat st;
    int64_t pages = stat(arena_printf(&a, "%s-wal", path), &st) == 0 ? st.st_size / FRAME_BYTES : 0;
    arena_release(&a);
    return pages < INT32_MAX ? (int)pages : INT32_MAX;
}

void checkpointer_init(struct checkpointer *c, sqlite3 *db, struct snapshot_gate *gate,
                       struct history *history, const char *path, const struct logger *log) {
    *c = (struct checkpointer){
        .db = db,
        .gate = gate,
        .history = history,
        .path = path,
        .log = log,
        .file_pages = pages_of_file(path),
    };
    begin_anew(c);
    sqlite3_wal_hook(db, note_log_size, c);
    char limit[64];
    snprintf(limit, sizeof(limit), "PRAGMA journal_size_limit=%lld",
             (long long)log_bytes(CHECKPOINT_KEPT_PAGES));
    sqlite_run(db, limit); // without it the file is only larger
}

// Tells who keeps the log from being reused: at first, when it has grown twofold,
// and once in a while.
static void warn_held(struct checkpointer *c) {
    int64_t now_us = clock_monotonic_us();
    if (now_us < c->next_warning_us && c->log_pages / 2 < c->warned_pages) {
        return;
    }
    c->next_warning_us = now_us + CHECKPOINT_WARNING_US;
    c->warned_pages = c->log_pages;
    struct arena a;
    arena_init(&a);
    LOG(c->log, LOG_WARN, "write-ahead log grows: another program reads the store",
        log_text("readers", log_readers_describe(&a, c->path)),
        log_int("log_bytes", log_bytes(c->log_pages)));
    arena_release(&a);
}

static void tell_freed(struct checkpointer *c) {
    if (c->warned_pages > 0) {
        c->warned_pages = 0;
        c->next_warning_us = 0;
        LOG(c->log, LOG_INFO, "write-ahead log is reused again",
            log_int("log_bytes", log_bytes(c->file_pages)));
    }
}

static int checkpoint(struct checkpointer *c, int mode) {
    int in_log = 0;
    int copied = 0;
    int rc = sqlite3_wal_checkpoint_v2(c->db, "main", mode, &in_log, &copied);
    if (rc == SQLITE_OK && copied >= in_log) {
        // The next commit begins at the log's start, unless a reader is at work.
        begin_anew(c);
        history_log_was_copied(c->history);
        tell_freed(c);
        if (mode == SQLITE_CHECKPOINT_TRUNCATE) {
            c->file_pages = 0;
        }
        return SQLITE_OK;
    }
    // A reader still needs the rest: not again for every commit.
    c->next_idle = c->log_pages + CHECKPOINT_IDLE_PAGES;
    if (mode == SQLITE_CHECKPOINT_RESTART) {
        c->next_forced = c->log_pages + CHECKPOINT_FORCED_PAGES;
        if (rc == SQLITE_OK || (rc & 0xFF) == SQLITE_BUSY) {
            warn_held(c);
        }
    }
    return rc == SQLITE_OK || sqlite_refusal(c->db, rc, SQLITE_IN_CHECKPOINT) != STORE_UNAVAILABLE
               ? SQLITE_OK
               : rc;
}

int checkpointer_run(struct checkpointer *c, bool idle) {
    if (c->log_pages >= c->next_forced) {
        return checkpointer_force(c);
    }
    if (idle && c->log_pages >= c->next_idle) {
        return checkpoint(c, SQLITE_CHECKPOINT_PASSIVE);
    }
    return SQLITE_OK;
}

static int checkpoint_alone(struct checkpointer *c, int mode, int wait_ms) {
    snapshot_gate_close(c->gate);
    sqlite3_busy_timeout(c->db, wait_ms);
    int rc = checkpoint(c, mode);
    sqlite3_busy_timeout(c->db, SQLITE_BUSY_TIMEOUT_MS);
    snapshot_gate_open(c->gate);
    return rc;
}

int checkpointer_force(struct checkpointer *c) {
    return checkpoint_alone(c, SQLITE_CHECKPOINT_RESTART, CHECKPOINT_WAIT_MS);
}

int64_t checkpointer_retry_us(const struct checkpointer *c) {
    return c->file_pages > CHECKPOINT_KEPT_PAGES ? CHECKPOINT_RETRY_US : 0;
}

int checkpointer_retry(struct checkpointer *c) {
    // What can be copied is copied without keeping our own readers out.
    int rc = checkpoint(c, SQLITE_CHECKPOINT_PASSIVE);
    if (rc != SQLITE_OK || c->log_pages > 0) {
        return rc;
    }
    return checkpoint_alone(c, SQLITE_CHECKPOINT_TRUNCATE, 0);
}
