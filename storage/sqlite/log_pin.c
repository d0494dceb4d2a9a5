#include "storage/sqlite/log_pin.h"

#include "storage/sqlite/connection.h"

static const char begin_sql[] = "BEGIN";
static const char read_sql[] = "PRAGMA schema_version";
static const char end_sql[] = "ROLLBACK";

static int prepare(struct log_pin *p, const char *sql, sqlite3_stmt **ret) {
    return sqlite_prepare_all(p->db, &sql, 1, ret);
}

int log_pin_open(struct log_pin *p, const char *path) {
    *p = (struct log_pin){.db = NULL};
    int rc = sqlite_connect_reader(path, &p->db);
    // It reads one page.
    rc = rc == SQLITE_OK ? sqlite_run(p->db, "PRAGMA cache_size=8") : rc;
    rc = rc == SQLITE_OK ? prepare(p, begin_sql, &p->begin) : rc;
    rc = rc == SQLITE_OK ? prepare(p, read_sql, &p->read) : rc;
    return rc == SQLITE_OK ? prepare(p, end_sql, &p->end) : rc;
}

void log_pin_close(struct log_pin *p) {
    sqlite3_finalize(p->begin);
    sqlite3_finalize(p->read);
    sqlite3_finalize(p->end);
    sqlite3_close(p->db);
    *p = (struct log_pin){.db = NULL};
}

void log_pin_release(struct log_pin *p) {
    if (sqlite3_get_autocommit(p->db) == 0) {
        sqlite_step_once(p->end); // fails where an error has ended the transaction already
    }
    p->is_held = false;
}

void log_pin_move(struct log_pin *p) {
    log_pin_release(p);
    bool is_begun = sqlite_step_once(p->begin) == SQLITE_OK;
    p->is_held = is_begun && sqlite3_step(p->read) == SQLITE_ROW;
    sqlite3_reset(p->read);
    if (!p->is_held) {
        log_pin_release(p);
    }
}
