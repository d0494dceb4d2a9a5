#include "storage/sqlite/history.h"

#include "storage/sqlite/connection.h"

void history_init(struct history *h, sqlite3 *db, const struct lineage *now, bool is_due,
                  int64_t inode, int64_t schema_cookie, const struct state_file *state) {
    *h = (struct history){
        .db = db,
        .now = *now,
        .is_due = is_due || now->generation == 0,
        .is_foreign = now->inode != inode || now->schema_cookie != schema_cookie,
        .state = *state,
    };
    h->now.inode = inode;
    h->now.schema_cookie = schema_cookie;
}

void history_release(struct history *h) {
    state_file_close(&h->state);
}

int history_write(struct history *h) {
    if (!h->is_due && !h->is_foreign) {
        return SQLITE_OK;
    }
    h->next = h->now;
    if (h->is_due) {
        h->next = lineage_next(&h->now);
    }
    h->next.is_open = 1;
    h->is_staged = true;
    return lineage_write(h->db, &h->next);
}

void history_committed(struct history *h, int64_t newest_event) {
    if (h->is_staged) {
        h->now = h->next;
        h->is_staged = false;
        h->is_due = false;
        h->is_foreign = false;
    }
    state_file_note(&h->state, &h->now, newest_event);
}

void history_rolled_back(struct history *h) {
    h->is_staged = false;
}

void history_log_was_copied(struct history *h) {
    h->is_due = true;
}

bool history_take_unsettled(struct history *h) {
    return state_file_take_unsettled(&h->state);
}

int history_close(struct history *h) {
    if (h->now.is_open == 0) {
        return SQLITE_OK;
    }
    struct lineage closed = h->now;
    closed.is_open = 0;
    int rc = sqlite_run(h->db, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK) {
        rc = lineage_write(h->db, &closed);
    }
    return rc == SQLITE_OK ? sqlite_run(h->db, "COMMIT") : rc;
}
