#include "storage/sqlite/run_row.h"

#include <math.h>

#include "storage/sqlite/connection.h"

double run_row_total_cu(sqlite3_stmt *s, int column) {
    return sqlite3_column_type(s, column) == SQLITE_NULL ? (double)NAN
                                                         : sqlite3_column_double(s, column);
}

int64_t run_row_read(struct arena *a, sqlite3_stmt *s, struct run_record *ret) {
    ret->organization = sqlite_column_slice(a, s, 1);
    ret->id = sqlite_column_slice(a, s, 2);
    ret->status = (enum run_status)sqlite3_column_int(s, 3);
    ret->started_at_us = sqlite3_column_int64(s, 4);
    ret->updated_at_us = sqlite3_column_int64(s, 5);
    ret->finished_at_us = sqlite3_column_int64(s, 6);
    ret->sequence = sqlite3_column_int64(s, 7);
    ret->total_cu = run_row_total_cu(s, 8);
    ret->workflow_id = sqlite_column_slice(a, s, 9);
    return sqlite3_column_int64(s, 0);
}

int run_body_read(struct arena *a, sqlite3_stmt *select_body, int64_t run_key,
                  struct run_record *ret) {
    sqlite3_bind_int64(select_body, 1, run_key);
    int rc = sqlite3_step(select_body);
    if (rc == SQLITE_ROW) {
        ret->spec = sqlite_column_slice(a, select_body, 0);
        ret->execution_state = sqlite_column_slice(a, select_body, 1);
        rc = SQLITE_OK;
    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_CORRUPT;
    }
    sqlite3_reset(select_body);
    return rc;
}

int run_read(struct arena *a, sqlite3_stmt *select_row, sqlite3_stmt *select_body,
             struct slice organization, struct slice id, struct run_record *ret) {
    sqlite_bind_text(select_row, 1, organization);
    sqlite_bind_text(select_row, 2, id);
    struct run_record run = {.sequence = 0};
    int64_t run_key = 0;
    int rc = sqlite3_step(select_row);
    if (rc == SQLITE_ROW) {
        run_key = run_row_read(a, select_row, &run);
        rc = SQLITE_OK;
    }
    sqlite3_reset(select_row);
    if (rc == SQLITE_OK && !run_row_status_is_sound((int)run.status)) {
        rc = SQLITE_CORRUPT;
    }
    if (rc == SQLITE_OK) {
        rc = run_body_read(a, select_body, run_key, &run);
    }
    if (rc == SQLITE_OK) {
        *ret = run;
    }
    return rc;
}
