#include "storage/sqlite/run_row.h"

#include <math.h>

#include "storage/sqlite/connection.h"

#define NUMBER(NAME, name, sql, since) RUN_FIELD_##NAME,
static const uint8_t row_fields[] = {RUN_ROW_FIELDS(NUMBER, )};
static const uint8_t body_fields[] = {RUN_BODY_FIELDS(NUMBER, )};
#undef NUMBER

// Reads the columns from first on into the fields that they are of.
static void read_fields(struct arena *a, sqlite3_stmt *s, int first, const uint8_t *numbers,
                        int count, struct run_fields *ret) {
    for (int i = 0; i < count; i++) {
        int column = first + i;
        void *value = run_field_of(ret, numbers[i]);
        switch (run_field_info[numbers[i]].type) {
        case RUN_FIELD_INTEGER:
            *(int64_t *)value = sqlite3_column_int64(s, column);
            break;
        case RUN_FIELD_REAL: // SQLite stores what is not a number as NULL
            *(double *)value = sqlite3_column_type(s, column) == SQLITE_NULL
                                   ? (double)NAN
                                   : sqlite3_column_double(s, column);
            break;
        case RUN_FIELD_BYTES:
            *(struct slice *)value = sqlite_column_slice(a, s, column);
            break;
        }
    }
}

static void bind_fields(sqlite3_stmt *s, int first, const uint8_t *numbers, int count,
                        const struct run_fields *fields) {
    for (int i = 0; i < count; i++) {
        int index = first + i;
        const void *value = run_field_in(fields, numbers[i]);
        switch (run_field_info[numbers[i]].type) {
        case RUN_FIELD_INTEGER:
            sqlite3_bind_int64(s, index, *(const int64_t *)value);
            break;
        case RUN_FIELD_REAL:
            sqlite3_bind_double(s, index, *(const double *)value);
            break;
        case RUN_FIELD_BYTES:
            sqlite_bind_blob(s, index, *(const struct slice *)value);
            break;
        }
    }
}

void run_row_bind_fields(sqlite3_stmt *s, int first, const struct run_fields *fields) {
    bind_fields(s, first, row_fields, RUN_ROW_FIELD_COUNT, fields);
}

void run_body_bind_fields(sqlite3_stmt *s, int first, const struct run_fields *fields) {
    bind_fields(s, first, body_fields, RUN_BODY_FIELD_COUNT, fields);
}

int64_t run_row_read(struct arena *a, sqlite3_stmt *s, struct run_record *ret) {
    ret->organization = sqlite_column_slice(a, s, 1);
    ret->id = sqlite_column_slice(a, s, 2);
    ret->status = (enum run_status)sqlite3_column_int(s, RUN_ROW_STATUS);
    ret->started_at_us = sqlite3_column_int64(s, 4);
    ret->updated_at_us = sqlite3_column_int64(s, 5);
    ret->finished_at_us = sqlite3_column_int64(s, 6);
    ret->sequence = sqlite3_column_int64(s, 7);
    ret->workflow_id = sqlite_column_slice(a, s, RUN_ROW_WORKFLOW);
    read_fields(a, s, RUN_ROW_FIRST_FIELD, row_fields, RUN_ROW_FIELD_COUNT, &ret->fields);
    return sqlite3_column_int64(s, 0);
}

int run_body_read(struct arena *a, sqlite3_stmt *select_body, int64_t run_key,
                  struct run_record *ret) {
    sqlite3_bind_int64(select_body, 1, run_key);
    int rc = sqlite3_step(select_body);
    if (rc == SQLITE_ROW) {
        ret->spec = sqlite_column_slice(a, select_body, 0);
        read_fields(a, select_body, 1, body_fields, RUN_BODY_FIELD_COUNT, &ret->fields);
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
