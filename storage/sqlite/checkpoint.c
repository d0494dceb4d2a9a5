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
    c->copied_pages = 0;
    c->unsynced_pages = 0;
    c->next_piece = CHECKPOINT_PIECE_PAGES;
    c->next_restart = CHECKPOINT_RESTART_PAGES;
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

void checkpointer_release(struct checkpointer *c) {
    background_sync_stop(&c->sync);
    log_pin_close(&c->pin);
}

void checkpointer_reserve(struct checkpointer *c) {
    log_room_reserve(&c->room, log_bytes(c->log_pages));
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
    LOG(c->failure->log, LOG_WARN, "write-ahead log grows: another program reads the store",
        log_text("readers", log_readers_describe(&a, c->path)),
        log_int("log_bytes", log_bytes(c->log_pages)));
    arena_release(&a);
}

static void tell_freed(struct checkpointer *c) {
    if (c->warned_pages > 0) {
        c->warned_pages = 0;
        c->next_warning_us = 0;
        LOG(c->failure->log, LOG_INFO, "write-ahead log is reused again",
            log_int("log_bytes", log_bytes(c->file_pages)));
    }
}

static enum store_checkpoint kind_of(int mode) {
    switch (mode) {
    case SQLITE_CHECKPOINT_PASSIVE:
        return STORE_CHECKPOINT_PIECE;
    case SQLITE_CHECKPOINT_TRUNCATE:
        return STORE_CHECKPOINT_TRUNCATE;
    default:
        return STORE_CHECKPOINT_RESTART;
    }
}

static void tell_sizes(const struct checkpointer *c) {
    metrics_gauge_set(c->metrics->log_used_bytes, c->log_pages > 0 ? log_bytes(c->log_pages) : 0);
    metrics_gauge_set(c->metrics->log_kept_bytes, c->file_pages > 0 ? log_bytes(c->file_pages) : 0);
}

static int checkpoint(struct checkpointer *c, int mode) {
    int in_log = 0;
    int copied = 0;
    int64_t begin_us = clock_monotonic_us();
    int rc = sqlite3_wal_checkpoint_v2(c->db, "main", mode, &in_log, &copied);
    metrics_histogram_observe(c->metrics->checkpoint_time[kind_of(mode)],
                              clock_monotonic_us() - begin_us);
    if (rc == SQLITE_OK && copied >= in_log) {
        // The next commit begins at the log's start, unless a reader is at work.
        begin_anew(c);
        history_log_was_copied(c->history);
        tell_freed(c);
        if (mode == SQLITE_CHECKPOINT_TRUNCATE) {
            c->file_pages = 0;
            c->room.bytes = 0;
        }
        return SQLITE_OK;
    }
    bool is_held = (rc & 0xFF) == SQLITE_BUSY; // by a reader, which still needs the rest
    if ((rc == SQLITE_OK || is_held) && copied > c->copied_pages) {
        c->unsynced_pages += copied - c->copied_pages;
        c->copied_pages = copied;
    }
    if (rc == SQLITE_OK || is_held ||
        sqlite_refusal(c->db, rc, SQLITE_IN_CHECKPOINT) != STORE_UNAVAILABLE) {
        return SQLITE_OK;
    }
    return rc;
}

int checkpointer_init(struct checkpointer *c, sqlite3 *db,
                      const struct checkpointer_surroundings *around) {
    *c = (struct checkpointer){
        .db = db,
        .gate = around->gate,
        .history = around->history,
        .path = around->path,
        .failure = around->failure,
        .metrics = around->metrics,
        .file_pages = pages_of_file(around->path),
    };
    begin_anew(c);
    sqlite3_wal_hook(db, note_log_size, c);
    char limit[64];
    snprintf(limit, sizeof(limit), "PRAGMA journal_size_limit=%lld",
             (long long)log_bytes(CHECKPOINT_KEPT_PAGES));
    sqlite_run(db, limit); // without it the file is only larger
    log_room_init(&c->room, db, c->path,
                  log_bytes(CHECKPOINT_RESTART_PAGES + CHECKPOINT_LATE_PAGES));
    // What a new schema or another program's read left is copied while nobody waits.
    sqlite3_busy_timeout(db, 0);
    int rc = c->file_pages > CHECKPOINT_KEPT_PAGES ? checkpoint(c, SQLITE_CHECKPOINT_TRUNCATE)
                                                   : SQLITE_OK;
    sqlite3_busy_timeout(db, SQLITE_BUSY_TIMEOUT_MS);
    rc = rc == SQLITE_OK ? log_pin_open(&c->pin, c->path) : rc;
    return rc == SQLITE_OK ? background_sync_start(&c->sync, c->path, c->history->state.fd,
                                                   c->failure, c->metrics->sync_time)
                           : rc;
}

static void move_pin(struct checkpointer *c) {
    log_pin_move(&c->pin);
    c->pin_pages = c->log_pages;
}

// Copies what the log held when the pin was moved last. Without a pin, and with one at the log's
// end, it would be all of it.
static int copy_piece(struct checkpointer *c) {
    const int before = c->copied_pages;
    bool is_bounded = c->pin.is_held && c->pin_pages < c->log_pages;
    int rc = is_bounded ? checkpoint(c, SQLITE_CHECKPOINT_PASSIVE) : SQLITE_OK;
    if (rc != SQLITE_OK) {
        return rc;
    }
    // Where a reader behind the pin or a full disk kept all from being copied, SQLite would sort
    // the same pages again and again.
    const int backlog = (c->log_pages - c->copied_pages) / 4;
    bool is_held_up = is_bounded && c->copied_pages == before && backlog > CHECKPOINT_PIECE_PAGES;
    c->next_piece = c->log_pages + (is_held_up ? backlog : CHECKPOINT_PIECE_PAGES);
    move_pin(c);
    return SQLITE_OK;
}

static void begin_sync(struct checkpointer *c) {
    c->unsynced_pages = 0;
    background_sync_database(&c->sync);
}

static int checkpoint_alone(struct checkpointer *c, int mode, int wait_ms) {
    snapshot_gate_close(c->gate);
    sqlite3_busy_timeout(c->db, wait_ms);
    int rc = checkpoint(c, mode);
    sqlite3_busy_timeout(c->db, SQLITE_BUSY_TIMEOUT_MS);
    snapshot_gate_open(c->gate);
    return rc;
}

// Prepares a checkpoint of all that the log holds. Not beside a sync in the background, nor after
// one that failed: the kernel may have reported to that one what the checkpoint's own would miss.
// Returns whether it may begin.
static bool may_copy_all(struct checkpointer *c) {
    log_pin_release(&c->pin);
    background_sync_wait(&c->sync);
    return !store_failure_is_raised(c->failure);
}

int checkpointer_force(struct checkpointer *c) {
    if (!may_copy_all(c)) {
        return SQLITE_OK;
    }
    int rc = checkpoint_alone(c, SQLITE_CHECKPOINT_RESTART, CHECKPOINT_WAIT_MS);
    if (c->log_pages > 0) {
        c->next_restart = c->log_pages + CHECKPOINT_RETRY_PAGES;
        if (rc == SQLITE_OK && c->log_pages >= CHECKPOINT_HELD_PAGES) {
            warn_held(c);
        }
    }
    return rc;
}

// Lets the log begin anew once that is short. Until then pieces are copied and synced as they come.
static int restart_log(struct checkpointer *c) {
    if (c->log_pages >= c->next_restart + CHECKPOINT_LATE_PAGES) {
        return checkpointer_force(c);
    }
    if (!background_sync_is_idle(&c->sync)) {
        return SQLITE_OK;
    }
    if (c->log_pages - c->copied_pages + c->unsynced_pages <= CHECKPOINT_LAST_PAGES) {
        return checkpointer_force(c);
    }
    int rc = copy_piece(c);
    if (rc == SQLITE_OK && c->unsynced_pages > 0) {
        begin_sync(c);
    }
    return rc;
}

static int run(struct checkpointer *c) {
    if (history_take_unsettled(c->history)) {
        background_sync_state(&c->sync);
    }
    if (c->log_pages >= c->next_restart) {
        return restart_log(c);
    }
    int rc = c->log_pages >= c->next_piece ? copy_piece(c) : SQLITE_OK;
    if (rc == SQLITE_OK && c->unsynced_pages >= CHECKPOINT_SYNC_PAGES &&
        background_sync_is_idle(&c->sync)) {
        begin_sync(c);
    }
    return rc;
}

int checkpointer_run(struct checkpointer *c) {
    int rc = run(c);
    tell_sizes(c);
    return rc;
}

int64_t checkpointer_retry_us(const struct checkpointer *c) {
    return c->file_pages > CHECKPOINT_KEPT_PAGES ? CHECKPOINT_RETRY_US : 0;
}

static int retry(struct checkpointer *c) {
    if (!may_copy_all(c)) {
        return SQLITE_OK;
    }
    // What can be copied is copied without keeping our own readers out.
    int rc = checkpoint(c, SQLITE_CHECKPOINT_PASSIVE);
    if (rc != SQLITE_OK || c->log_pages > 0) {
        return rc;
    }
    return checkpoint_alone(c, SQLITE_CHECKPOINT_TRUNCATE, 0);
}

int checkpointer_retry(struct checkpointer *c) {
    int rc = retry(c);
    tell_sizes(c);
    return rc;
}
