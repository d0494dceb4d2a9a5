#include "storage/sqlite/checkpoint.h"

#include "storage/sqlite/connection.h"

static void begin_anew(struct checkpointer *c) {
    c->log_pages = 0;
    c->next_idle = CHECKPOINT_IDLE_PAGES;
    c->next_forced = CHECKPOINT_FORCED_PAGES;
}

static int note_log_size(void *context, sqlite3 *db, const char *schema, int log_pages) {
    (void)db;
    (void)schema;
    struct checkpointer *c = context;
    if (log_pages < c->log_pages) {
        begin_anew(c);
    }
    c->log_pages = log_pages;
    return SQLITE_OK;
}

void checkpointer_init(struct checkpointer *c, sqlite3 *db, struct snapshot_gate *gate) {
    *c = (struct checkpointer){.db = db, .gate = gate};
    begin_anew(c);
    sqlite3_wal_hook(db, note_log_size, c);
}

static int checkpoint(struct checkpointer *c, int mode) {
    int in_log = 0;
    int copied = 0;
    int rc = sqlite3_wal_checkpoint_v2(c->db, "main", mode, &in_log, &copied);
    if (rc == SQLITE_OK && copied >= in_log) {
        // The next commit begins at the log's start, unless a reader is at work.
        begin_anew(c);
        return SQLITE_OK;
    }
    // A reader still needs the rest: not again for every commit.
    c->next_idle = c->log_pages + CHECKPOINT_IDLE_PAGES;
    if (mode == SQLITE_CHECKPOINT_RESTART) {
        c->next_forced = c->log_pages + CHECKPOINT_FORCED_PAGES;
    }
    int primary = rc & 0xFF;
    return primary == SQLITE_BUSY || primary == SQLITE_LOCKED || primary == SQLITE_FULL ? SQLITE_OK
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

int checkpointer_force(struct checkpointer *c) {
    snapshot_gate_close(c->gate);
    sqlite3_busy_timeout(c->db, CHECKPOINT_WAIT_MS);
    int rc = checkpoint(c, SQLITE_CHECKPOINT_RESTART);
    sqlite3_busy_timeout(c->db, SQLITE_BUSY_TIMEOUT_MS);
    snapshot_gate_open(c->gate);
    return rc;
}
