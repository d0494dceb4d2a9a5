#include "storage/sqlite/run_row.h"

#include <math.h>

#include "storage/sqlite/connection.h"
#include "storage/sqlite/session.h"

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

// Whether the run of the row at s has become something since, which is ret_state then. The event
// tells which is newer: a run that was deleted has nothing to say of a later one of its id.
static bool find_newer(struct session *session, sqlite3_stmt *s, struct pending_state *ret_state) {
    struct run_id id = run_id_peek(s, RUN_ROW_ID);
    return session_find_pending(session, sqlite_column_peek(s, RUN_ROW_ORGANIZATION), &id,
                                ret_state) &&
           ret_state->newest_event > sqlite3_column_int64(s, RUN_ROW_NEWEST_EVENT);
}

// Makes of the run as its row, at s, has it what it has become since.
static void catch_up(struct session *session, sqlite3_stmt *s, struct run_record *run,
                     struct run_row *row) {
    struct pending_state state;
    if (find_newer(session, s, &state)) {
        run->status = state.status;
        run->updated_at_us = state.updated_at_us;
        run->sequence = state.sequence;
        row->newest_event = state.newest_event;
        // Fields that came with an event between the row and this one would be missing.
        session->is_old = session->is_old || (session->part == STORE_READS &&
                                              state.newest_event > session->snapshot_event);
    }
}

int run_row_status(struct session *session, sqlite3_stmt *s) {
    int status = sqlite3_column_int(s, RUN_ROW_STATUS);
    struct pending_state state;
    return run_row_status_is_sound(status) && find_newer(session, s, &state) ? (int)state.status
                                                                             : status;
}

int run_row_read(struct session *session, struct arena *a, sqlite3_stmt *s, struct run_record *ret,
                 struct run_row *ret_row) {
    *ret_row = (struct run_row){
        .run_key = sqlite3_column_int64(s, 0),
        .status_in_row = sqlite3_column_int(s, RUN_ROW_STATUS),
        .sequence_in_row = sqlite3_column_int64(s, RUN_ROW_SEQUENCE),
        .newest_event = sqlite3_column_int64(s, RUN_ROW_NEWEST_EVENT),
        .workflow_key = sqlite3_column_int64(s, RUN_ROW_WORKFLOW_KEY),
        .has_terms = sqlite3_column_int(s, RUN_ROW_HAS_TERMS) != 0,
    };
    if (!run_row_status_is_sound(ret_row->status_in_row)) {
        return SQLITE_CORRUPT;
    }
    ret->organization = sqlite_column_slice(a, s, RUN_ROW_ORGANIZATION);
    ret->id = run_id_column(a, s, RUN_ROW_ID);
    ret->status = (enum run_status)ret_row->status_in_row;
    ret->started_at_us = sqlite3_column_int64(s, 4);
    ret->updated_at_us = sqlite3_column_int64(s, 5);
    ret->sequence = ret_row->sequence_in_row;
    ret->attempt = sqlite3_column_int64(s, 8);
    ret->workflow_id = SLICE_EMPTY;
    read_fields(a, s, RUN_ROW_FIRST_FIELD, row_fields, RUN_ROW_FIELD_COUNT, &ret->fields);
    catch_up(session, s, ret, ret_row);
    ret->finished_at_us = run_finished_at_us(ret->status, ret->updated_at_us);
    return ret_row->has_terms ? term_rows_read(&session->terms, a, ret_row->run_key, ret)
                              : SQLITE_OK;
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

int run_read(struct session *session, struct arena *a, sqlite3_stmt *s, struct slice organization,
             const struct run_id *id, struct run_record *ret, struct run_row *ret_row) {
    sqlite_bind_text(s, 1, organization);
    run_id_bind(s, 2, id);
    struct run_record run = {.sequence = 0};
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        rc = run_row_read(session, a, s, &run, ret_row);
        if (rc == SQLITE_OK && sqlite3_column_type(s, RUN_ROW_COLUMN_COUNT) == SQLITE_NULL) {
            rc = SQLITE_CORRUPT; // it has no body
        }
        if (rc == SQLITE_OK) {
            run.spec = sqlite_column_slice(a, s, RUN_ROW_COLUMN_COUNT);
            read_fields(a, s, RUN_ROW_COLUMN_COUNT + 1, body_fields, RUN_BODY_FIELD_COUNT,
                        &run.fields);
            *ret = run;
        }
    }
    sqlite3_reset(s);
    return rc;
}

int run_read_whole(struct session *session, struct arena *a, sqlite3_stmt *s,
                   struct slice organization, const struct run_id *id, struct run_record *ret,
                   struct run_row *ret_row) {
    int rc;
    do { // again only where the run was changed between the snapshot's beginning and the look
        session->is_old = false;
        rc = run_read(session, a, s, organization, id, ret, ret_row);
    } while (rc == SQLITE_OK && session->is_old && (rc = session_renew(session)) == SQLITE_OK);
    return rc;
}
