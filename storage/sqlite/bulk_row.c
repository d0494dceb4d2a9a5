#include "storage/sqlite/bulk_row.h"

#include "storage/sqlite/connection.h"

static bool is_sound(const struct bulk_record *bulk) {
    return bulk->state >= BULK_PLANNING && bulk->state <= BULK_ABORTED && bulk->cancelled >= 0 &&
           bulk->already_final >= 0 && bulk->not_found >= 0 && bulk_record_open(bulk) >= 0;
}

int bulk_row_read(struct arena *a, sqlite3_stmt *s, struct bulk_record *ret,
                  struct bulk_row *ret_row) {
    *ret = (struct bulk_record){
        .organization = sqlite_column_slice(a, s, 1),
        .id = sqlite_column_slice(a, s, 2),
        .state = (enum bulk_state)sqlite3_column_int(s, 3),
        .is_dry_run = sqlite3_column_int(s, 4) != 0,
        .cascades = sqlite3_column_int(s, 5) != 0,
        .has_filter = sqlite3_column_int(s, 6) != 0,
        .filter =
            {
                .statuses = (uint32_t)sqlite3_column_int(s, 7),
                .workflow_id = sqlite_column_slice(a, s, 8),
                .source_run_id = sqlite_column_slice(a, s, 9),
                .holder = sqlite_column_slice(a, s, 10),
                .started_after_us = sqlite3_column_int64(s, 11),
                .started_before_us = sqlite3_column_int64(s, 12),
            },
        .created_at_us = sqlite3_column_int64(s, 17),
        .started_at_us = sqlite3_column_int64(s, 18),
        .finished_at_us = sqlite3_column_int64(s, 19),
        .total = sqlite3_column_int64(s, 20),
        .cancelled = sqlite3_column_int64(s, 21),
        .already_final = sqlite3_column_int64(s, 22),
        .not_found = sqlite3_column_int64(s, 23),
        .cause =
            {
                .actor = sqlite_column_slice(a, s, 24),
                .reason = sqlite_column_slice(a, s, 25),
                .request_id = sqlite_column_slice(a, s, 26),
                .remote_address = sqlite_column_slice(a, s, 27),
                .idempotency_key = sqlite_column_slice(a, s, 28),
            },
    };
    *ret_row = (struct bulk_row){
        .key = sqlite3_column_int64(s, 0),
        .is_collected = sqlite3_column_int(s, 13) != 0,
        .cursor_at_us = sqlite3_column_int64(s, 14),
        .cursor_id = run_id_of(run_id_column(a, s, 15)),
        .parent_id = run_id_of(run_id_column(a, s, 16)),
        .newest_event = sqlite3_column_int64(s, 29),
    };
    return is_sound(ret) ? SQLITE_OK : SQLITE_CORRUPT;
}

int bulk_row_find(struct arena *a, sqlite3_stmt *s, struct slice organization, struct slice id,
                  struct bulk_record *ret, struct bulk_row *ret_row) {
    sqlite_bind_text(s, 1, organization);
    sqlite_bind_text(s, 2, id);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        rc = bulk_row_read(a, s, ret, ret_row);
    }
    sqlite3_reset(s);
    return rc;
}

// Binds what a job's row has of what may change.
static void bind_changing(sqlite3_stmt *s, const struct bulk_record *bulk,
                          const struct bulk_row *row) {
    sqlite3_bind_int(s, 4, (int)bulk->state);
    sqlite3_bind_int(s, 14, row->is_collected);
    sqlite3_bind_int64(s, 15, row->cursor_at_us);
    run_id_bind(s, 16, &row->cursor_id);
    run_id_bind(s, 17, &row->parent_id);
    sqlite3_bind_int64(s, 19, bulk->started_at_us);
    sqlite3_bind_int64(s, 20, bulk->finished_at_us);
    sqlite3_bind_int64(s, 21, bulk->total);
    sqlite3_bind_int64(s, 22, bulk->cancelled);
    sqlite3_bind_int64(s, 23, bulk->already_final);
    sqlite3_bind_int64(s, 24, bulk->not_found);
    sqlite_bind_text(s, 25, bulk->cause.actor);
    sqlite_bind_text(s, 26, bulk->cause.reason);
    sqlite_bind_text(s, 27, bulk->cause.request_id);
    sqlite_bind_text(s, 28, bulk->cause.remote_address);
    sqlite_bind_text(s, 29, bulk->cause.idempotency_key);
}

int bulk_row_insert(sqlite3_stmt *s, const struct bulk_record *bulk, struct bulk_row *row) {
    sqlite3_bind_null(s, 1);
    sqlite_bind_text(s, 2, bulk->organization);
    sqlite_bind_text(s, 3, bulk->id);
    sqlite3_bind_int(s, 5, bulk->is_dry_run);
    sqlite3_bind_int(s, 6, bulk->cascades);
    sqlite3_bind_int(s, 7, bulk->has_filter);
    sqlite3_bind_int(s, 8, (int)bulk->filter.statuses);
    sqlite_bind_text(s, 9, bulk->filter.workflow_id);
    sqlite_bind_text(s, 10, bulk->filter.source_run_id);
    sqlite_bind_text(s, 11, bulk->filter.holder);
    sqlite3_bind_int64(s, 12, bulk->filter.started_after_us);
    sqlite3_bind_int64(s, 13, bulk->filter.started_before_us);
    sqlite3_bind_int64(s, 18, bulk->created_at_us);
    sqlite3_bind_int64(s, 30, row->newest_event);
    bind_changing(s, bulk, row);
    int rc = sqlite_step_once(s);
    row->key = sqlite3_last_insert_rowid(sqlite3_db_handle(s));
    return rc;
}

int bulk_row_update(sqlite3_stmt *s, const struct bulk_record *bulk, const struct bulk_row *row) {
    sqlite3_bind_int64(s, 1, row->key);
    bind_changing(s, bulk, row);
    int rc = sqlite_step_once(s);
    // The row was read in this very transaction.
    return rc == SQLITE_OK && sqlite3_changes(sqlite3_db_handle(s)) != 1 ? SQLITE_CORRUPT : rc;
}
