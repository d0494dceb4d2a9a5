#include "storage/sqlite/copy_rows.h"

#include <string.h>

#include "storage/run_fields.h"
#include "storage/run_record.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/event_row.h"
#include "storage/sqlite/run_id.h"
#include "storage/sqlite/term_row.h"
#include "storage/sqlite/workflow_row.h"

_Static_assert(RUN_FIELD_COUNT == 2, "each field has a column below");
_Static_assert(STORE_EVENT_CREATION == 1 && STORE_EVENT_DELETION == 7, "the SQL below names them");
_Static_assert(TERM_CLOSED == 0 && TERM_OPEN == 1 && TERM_HELD == 2, "as does it these");
_Static_assert(EVENT_MARK_INTERVAL == 64, "and this");

#define EVENT_OF_SQL(organization, revision)                                                       \
    "(SELECT event_key FROM event INDEXED BY copy_by_revision WHERE organization=" organization    \
    " AND revision=" revision ")"

// ?40 and ?41 are what a table's columns do not say: the key of the workflow, and of the event.
enum { WORKFLOW_KEY = 40, EVENT_KEY = 41 };

// ?1 and so on are the columns of store_tables. A final event of a run that was deleted leads to
// none before it, as its first one does not.
static const char *const insert_sql[STORE_TABLE_COUNT][COPY_ROWS_MOST_STATEMENTS] = {
    [STORE_TABLE_ORGANIZATION] =
        {"INSERT INTO organization(name, revision, newest_event, floor_revision, frozen_at,"
         " running, waiting, success, failure, cancelled, stored_bytes, bytes_as_of_event,"
         " bytes_of_runs) VALUES(?1, ?2, 0, ?3, ?4, ?6, ?7, ?8, ?9, ?10, ?11, 0,"
         " ?6+?7+?8+?9+?10)",
         "INSERT INTO meta(name, value) VALUES('attempt_floor', ?5)"
         " ON CONFLICT(name) DO UPDATE SET value=max(value, excluded.value)"},
    [STORE_TABLE_EVENT] =
        {"INSERT INTO event(event_key, organization, id, revision, kind, sequence, from_status,"
         " to_status, at, attempt, holder, actor, reason, request_id, remote_address,"
         " idempotency_key, previous_of_run, previous_of_organization, workflow_key)"
         " VALUES(?41, ?1, ?3, ?2, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,"
         " CASE ?4 WHEN 1 THEN 0 WHEN 7 THEN " COPY_ROWS_GONE_SQL
         " ELSE coalesce((SELECT event_key FROM event INDEXED BY copy_by_run"
         "  WHERE organization=?1 AND id=?3 ORDER BY event_key DESC LIMIT 1), " COPY_ROWS_GONE_SQL
         ") END,"
         " CASE ?2 WHEN 1 THEN 0 ELSE coalesce(" EVENT_OF_SQL("?1", "?2-1") ", " COPY_ROWS_GONE_SQL
                                                                            ") END, ?40)",
         "INSERT INTO event_mark(organization, revision, event_key)"
         " SELECT ?1, ?2, ?41 WHERE ?2%64=0",
         "INSERT INTO deletion(event_key, organization, id) SELECT ?41, ?1, ?3 WHERE ?4=7"},
    [STORE_TABLE_RUN] =
        {"INSERT INTO run(organization, id, run_key, workflow_key, status, started_at, updated_at,"
         " sequence, newest_event, attempt, total_cu, has_terms)"
         " VALUES(?1, ?2, " EVENT_OF_SQL("?1", "?9") ", ?40, ?4, ?5, ?6, ?7, " EVENT_OF_SQL(
             "?1", "?10") ", ?8, ?12, ?13)",
         "INSERT INTO run_body(run_key, spec, execution_state)"
         " VALUES(" EVENT_OF_SQL("?1", "?9") ", ?15, ?16)"},
    [STORE_TABLE_RUN_TERM] =
        {"INSERT INTO run_term(run_key, organization, id, workflow_key, started_at, dispatch,"
         " fails_on_lease_loss, on_timeout, timeout_at, waiting_timeout, state, holder, lease,"
         " waiting_until, due_at, stopped_at)"
         " VALUES((SELECT run_key FROM run WHERE organization=?1 AND id=?2), ?1, ?2, ?40, ?4, ?6,"
         " ?7, ?8, ?9, ?10, CASE WHEN ?11<>'' THEN 2 WHEN ?16 THEN 1 ELSE 0 END, ?11, ?12, ?13,"
         " ?14, ?15)"},
    [STORE_TABLE_RUN_PARENT] =
        {"INSERT INTO run_parent(organization, id, parent, is_gone) VALUES(?1, ?2, ?3, ?4)"},
    [STORE_TABLE_RUN_COUNT] =
        {"INSERT INTO run_count(workflow_key, as_of_event, running, waiting, success, failure,"
         " cancelled) VALUES(?40, 0, ?3, ?4, ?5, ?6, ?7)"},
    // Of a key that its event has, too, the row says all.
    [STORE_TABLE_IDEMPOTENCY] =
        {"INSERT INTO idempotency(name, fingerprint, at, organization, target, run_key)"
         " VALUES(?2, ?3, ?4, ?1, ?6, CASE ?5 WHEN 2 THEN 0 ELSE"
         " (SELECT run_key FROM run WHERE organization=?1 AND id=?6) END)"},
    // The next step of what is not collected begins with the first run that the job may be about.
    [STORE_TABLE_BULK] =
        {"INSERT INTO bulk(organization, bulk_key, id, state, is_dry_run, cascades, has_filter,"
         " statuses, workflow_id, source_run_id, holder, started_after, started_before,"
         " is_collected, parent_id, newest_event, created_at, started_at, finished_at, total,"
         " cancelled, already_final, not_found, actor, reason, request_id, remote_address,"
         " idempotency_key, cursor_at, cursor_id) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
         " ?11, ?12, ?13, ?14, ?15, coalesce(" EVENT_OF_SQL(
             "?1", "?16") ", 0), ?17, ?18, ?19, ?20,"
                          " ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, CASE ?12 WHEN 0 THEN "
                          "-9223372036854775808"
                          " WHEN 9223372036854775807 THEN ?12 ELSE ?12+1 END, '')"},
    [STORE_TABLE_BULK_ITEM] = {"INSERT INTO bulk_item(bulk_key, id, outcome, due, newest_event)"
                               " VALUES(?2, ?3, ?4, ?5, coalesce(" EVENT_OF_SQL("?1",
                                                                                "?6") ", 0))"},
    [STORE_TABLE_TOKEN] =
        {"INSERT INTO token(organization, name, client_san, hash, scopes, created_at, expires_at,"
         " revoked_at, last_used_at, rotations, rotated_at, previous_hash, previous_created_at,"
         " previous_expires_at, previous_last_used_at, denials, refusals, limit_reads,"
         " limit_changes, limit_bytes, limit_streams) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
         " ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)"},
};

// Where the workflow's id is among the columns; -1: the table has none.
static int workflow_column(enum store_table_index table) {
    switch (table) {
    case STORE_TABLE_EVENT:
        return 15;
    case STORE_TABLE_RUN:
    case STORE_TABLE_RUN_TERM:
        return 2;
    case STORE_TABLE_RUN_COUNT:
        return 1;
    default:
        return -1;
    }
}

static const char *const blobs[] = {"fingerprint", "hash", "previous_hash", "spec",
                                    "execution_state"};

// Whether the column's bytes are a blob, and not a text, which SQLite tells apart.
static bool is_blob(enum store_table_index table, const char *column) {
    for (size_t i = 0; i < sizeof(blobs) / sizeof(blobs[0]); i++) {
        if (strcmp(blobs[i], column) == 0) {
            return true;
        }
    }
    return table == STORE_TABLE_IDEMPOTENCY && strcmp(column, "name") == 0;
}

int copy_rows_begin(struct copy_rows *c, sqlite3 *db, enum store_table_index table) {
    static const char *const find = "SELECT workflow_key FROM workflow INDEXED BY workflow_by_id"
                                    " WHERE organization=?1 AND id=?2";
    static const char *const insert = "INSERT INTO workflow(organization, id) VALUES(?1, ?2)";
    copy_rows_release(c);
    *c = (struct copy_rows){.db = db, .table = table};
    int rc = sqlite_query_int(
        db, "SELECT coalesce(max(event_key), " COPY_ROWS_GONE_SQL ") FROM event", &c->last_event);
    for (int i = 0; rc == SQLITE_OK && i < COPY_ROWS_MOST_STATEMENTS; i++) {
        if (insert_sql[table][i] != NULL) {
            rc = sqlite_prepare_all(db, &insert_sql[table][i], 1, &c->inserts[i]);
        }
    }
    if (rc == SQLITE_OK) {
        rc = sqlite_prepare_all(db, &find, 1, &c->find_workflow);
    }
    return rc == SQLITE_OK ? sqlite_prepare_all(db, &insert, 1, &c->insert_workflow) : rc;
}

void copy_rows_release(struct copy_rows *c) {
    sqlite_finalize_all(c->inserts, COPY_ROWS_MOST_STATEMENTS);
    sqlite_finalize_all(&c->find_workflow, 1);
    sqlite_finalize_all(&c->insert_workflow, 1);
}

// Finds the workflow's key, or gives it one; runs without a workflow's id have that of the empty
// one.
static int workflow_key(struct copy_rows *c, struct slice organization, struct slice id,
                        int64_t *ret) {
    int rc = workflow_row_find(c->find_workflow, organization, id, ret);
    if (rc == SQLITE_DONE) {
        sqlite_bind_text(c->insert_workflow, 1, organization);
        sqlite_bind_text(c->insert_workflow, 2, id);
        rc = sqlite_step_once(c->insert_workflow);
        *ret = sqlite3_last_insert_rowid(c->db);
    }
    return rc;
}

// An id of a job is a text, also where it is a UUID.
static bool is_text_id(enum store_table_index table, int i, const struct store_value *values) {
    return table == STORE_TABLE_IDEMPOTENCY && i == STORE_IDEMPOTENCY_TARGET &&
           values[STORE_IDEMPOTENCY_TARGET_KIND].number == STORE_TARGET_BULK;
}

static void bind_bytes(sqlite3_stmt *s, int index, struct slice bytes, bool as_blob) {
    if (as_blob) {
        sqlite_bind_blob(s, index, bytes);
    } else {
        sqlite_bind_text(s, index, bytes);
    }
}

static void bind(struct copy_rows *c, sqlite3_stmt *s, int i, const struct store_value *values,
                 struct run_id *id) {
    const struct store_column *column = &store_tables[c->table].columns[i];
    const struct store_value *value = &values[i];
    double number;
    if (value->is_null) {
        sqlite3_bind_null(s, i + 1);
    } else if (column->type == STORE_COLUMN_RUN_ID && !is_text_id(c->table, i, values)) {
        *id = run_id_of(value->bytes);
        run_id_bind(s, i + 1, id);
    } else if (store_column_is_bytes(column->type)) {
        bind_bytes(s, i + 1, value->bytes, is_blob(c->table, column->name));
    } else if (column->type == STORE_COLUMN_FLOAT8) {
        memcpy(&number, &value->number, sizeof(number));
        sqlite3_bind_double(s, i + 1, number);
    } else {
        sqlite3_bind_int64(s, i + 1, value->number);
    }
}

static int insert(struct copy_rows *c, sqlite3_stmt *s, const struct store_value *values,
                  int64_t workflow) {
    struct run_id ids[STORE_TABLE_MOST_COLUMNS]; // until the statement has run
    int columns = store_tables[c->table].column_count;
    int parameters = sqlite3_bind_parameter_count(s);
    for (int i = 0; i < columns && i < parameters; i++) {
        bind(c, s, i, values, &ids[i]);
    }
    if (parameters >= WORKFLOW_KEY) {
        sqlite3_bind_int64(s, WORKFLOW_KEY, workflow);
    }
    if (parameters >= EVENT_KEY) {
        sqlite3_bind_int64(s, EVENT_KEY, c->last_event);
    }
    return sqlite_step_once(s);
}

int copy_rows_put(struct copy_rows *c, const struct store_value *values) {
    int column = workflow_column(c->table);
    int64_t workflow = 0;
    int rc =
        column >= 0 ? workflow_key(c, values[0].bytes, values[column].bytes, &workflow) : SQLITE_OK;
    c->last_event += c->table == STORE_TABLE_EVENT;
    for (int i = 0; rc == SQLITE_OK && i < COPY_ROWS_MOST_STATEMENTS; i++) {
        if (c->inserts[i] != NULL) {
            rc = insert(c, c->inserts[i], values, workflow);
        }
    }
    return rc;
}
