#include "storage/sqlite/event_age.h"

int event_age_find(sqlite3_stmt *newest, sqlite3_stmt *at, int64_t before_us, int64_t *ret_event,
                   int64_t *ret_newest) {
    *ret_event = 0;
    int rc = sqlite3_step(newest);
    *ret_newest = sqlite3_column_int64(newest, 0);
    sqlite3_reset(newest);
    int64_t above = *ret_newest + 1; // is young, or there is none
    while ((rc == SQLITE_ROW || rc == SQLITE_DONE) && above - *ret_event > 1) {
        int64_t middle = *ret_event + (above - *ret_event) / 2;
        sqlite3_bind_int64(at, 1, middle);
        rc = sqlite3_step(at);
        if (rc == SQLITE_ROW && sqlite3_column_int64(at, 1) < before_us) {
            *ret_event = sqlite3_column_int64(at, 0);
        } else {
            above = middle;
        }
        sqlite3_reset(at);
    }
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}
