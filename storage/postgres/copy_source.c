#include "storage/postgres/copy_source.h"

#include <stdlib.h>
#include <string.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "storage/postgres/conninfo.h"
#include "storage/postgres/copy_users.h"
#include "storage/postgres/pg_row.h"
#include "storage/postgres/schema.h"

enum { CONNECT_US = 10 * 1000 * 1000 };

// How many rows are read at first, and at most; about how many bytes are to come at once.
enum { FIRST_ROWS = 64, MOST_ROWS = 4000, WANTED_BYTES = 4 << 20 };

struct source {
    struct store_source base;
    struct arena arena; // of what its connection borrows
    const char *store;  // for messages
    struct pg_connection *connection;
    enum store_table_index table;
    bool has_cursor;
    bool has_ended; // all rows of the table were read
    int next_rows;  // to be read
};

// The columns of store_tables, in their order, and in which one their rows came to be. An
// organization's events are in the order of their revisions; those of different ones in that of
// their times, as far as this one allows.
static const struct {
    const char *select;
    const char *order;
} sql[STORE_TABLE_COUNT] = {
    [STORE_TABLE_ORGANIZATION] =
        {"SELECT name, revision, floor_revision, frozen_at, attempt_floor, running, waiting,"
         " success, failure, cancelled, stored_bytes FROM organization"
         " WHERE revision<>0 OR frozen_at<>0",
         "name"},
    [STORE_TABLE_EVENT] =
        {"SELECT organization, revision, id, kind, sequence, from_status, to_status, at, attempt,"
         " holder, actor, reason, request_id, remote_address, idempotency_key, workflow_id"
         " FROM event",
         "max(at) OVER (PARTITION BY organization ORDER BY revision), organization, revision"},
    [STORE_TABLE_RUN] =
        {"SELECT r.organization, r.id, r.workflow_id, r.status, r.started_at, r.updated_at,"
         " r.sequence, r.attempt, r.created_revision, r.newest_revision, r.ended_revision,"
         " r.total_cu, r.has_terms, r.has_parent, b.spec, b.execution_state FROM run AS r"
         " LEFT JOIN run_body AS b ON b.run_key=r.run_key",
         "r.organization, r.id"},
    [STORE_TABLE_RUN_TERM] =
        {"SELECT organization, id, workflow_id, started_at, status, dispatch, fails_on_lease_loss,"
         " on_timeout, timeout_at, waiting_timeout, holder, lease, waiting_until, due_at,"
         " stopped_at, is_open FROM run_term",
         "organization, id"},
    [STORE_TABLE_RUN_PARENT] = {"SELECT organization, id, parent, is_gone FROM run_parent",
                                "organization, id"},
    [STORE_TABLE_RUN_COUNT] =
        {"SELECT organization, workflow_id, running, waiting, success, failure, cancelled"
         " FROM run_count WHERE running+waiting+success+failure+cancelled<>0",
         "organization, workflow_id"},
    [STORE_TABLE_IDEMPOTENCY] =
        {"SELECT organization, name, fingerprint, at, target_kind, target FROM idempotency",
         "name"},
    // Events that are gone may be the newest ones as of which something is.
    [STORE_TABLE_BULK] =
        {"SELECT organization, bulk_key, id, state, is_dry_run, cascades, has_filter, statuses,"
         " workflow_id, source_run_id, holder, started_after, started_before, is_collected,"
         " parent_id, coalesce((SELECT max(e.revision) FROM event AS e"
         "  WHERE e.organization=b.organization AND e.revision<=b.as_of_revision), 0), created_at,"
         " started_at, finished_at, total, cancelled, already_final, not_found, actor, reason,"
         " request_id, remote_address, idempotency_key FROM bulk AS b",
         "bulk_key"},
    [STORE_TABLE_BULK_ITEM] =
        {"SELECT coalesce(b.organization, ''::bytea), i.bulk_key, i.id, i.outcome, i.due,"
         " coalesce((SELECT max(e.revision) FROM event AS e"
         "  WHERE e.organization=b.organization AND e.revision<=i.as_of_revision), 0)"
         " FROM bulk_item AS i LEFT JOIN bulk AS b ON b.bulk_key=i.bulk_key",
         "i.bulk_key, i.id"},
    [STORE_TABLE_TOKEN] =
        {"SELECT organization, name, client_san, hash, scopes, created_at, expires_at, revoked_at,"
         " last_used_at, rotations, rotated_at, previous_hash, previous_created_at,"
         " previous_expires_at, previous_last_used_at, denials, refusals, limit_reads,"
         " limit_changes, limit_bytes, limit_streams FROM token",
         "created_at, organization, name"},
};

// In the transaction alone: whole tables are read, and it takes as long as it takes.
static const struct pg_statement settings = {
    "copy_settings",
    "SELECT set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true),"
    " set_config('enable_mergejoin', 'on', true), set_config('enable_bitmapscan', 'on', true),"
    " set_config('statement_timeout', '0', true), set_config('work_mem', '64MB', true),"
    " set_config('idle_in_transaction_session_timeout', '0', true),"
    " set_config('cursor_tuple_fraction', '1', true)",
};

// Each transaction of a server's writer counts up in commit_mark.
static const struct pg_statement read_state = {
    "copy_read_state",
    "SELECT (SELECT coalesce(sum(abs(number)), 0)::int8 FROM commit_mark),"
    " (SELECT coalesce(sum(revision), 0)::int8 FROM organization)"
    "  +(SELECT token_changes FROM store)",
};

static const struct error *fail(const struct source *s, struct arena *a, const char *doing) {
    return error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "%s the store \"%s\": %s", doing, s->store,
                     pg_connection_detail(s->connection));
}

// Runs SQL that is made for one time.
static enum pg_outcome run(struct source *s, const char *text, const PGresult **ret_result) {
    const struct pg_statement statement = {"copy_read", text};
    return pg_run(s->connection, &statement, NULL, ret_result);
}

static const struct error *count(struct store_source *base, struct arena *a,
                                 enum store_table_index table, int64_t *ret) {
    struct source *s = (struct source *)base;
    const PGresult *result = NULL;
    const char *text = arena_printf(a, "SELECT count(*) FROM %s", store_tables[table].name);
    if (run(s, text, &result) != PG_OK) {
        return fail(s, a, "counting rows of");
    }
    *ret = pg_int(result, 0, 0);
    pg_connection_clear(s->connection);
    return NULL;
}

static const struct error *begin(struct store_source *base, struct arena *a,
                                 enum store_table_index table, int64_t skip, bool in_order) {
    struct source *s = (struct source *)base;
    enum pg_outcome outcome = s->has_cursor ? run(s, "CLOSE copied", NULL) : PG_OK;
    const char *text =
        arena_printf(a, "DECLARE copied NO SCROLL CURSOR FOR %s%s%s", sql[table].select,
                     in_order ? " ORDER BY " : "", in_order ? sql[table].order : "");
    if (outcome == PG_OK) {
        outcome = run(s, text, NULL);
    }
    if (outcome == PG_OK && skip > 0) {
        outcome = run(s, arena_printf(a, "MOVE FORWARD %lld IN copied", (long long)skip), NULL);
    }
    s->table = table;
    s->has_cursor = true;
    s->has_ended = false;
    s->next_rows = FIRST_ROWS;
    pg_connection_clear(s->connection);
    return outcome == PG_OK ? NULL : fail(s, a, "reading");
}

static struct store_value read_value(struct arena *a, const PGresult *result, int row, int i,
                                     enum store_column_type type) {
    struct store_value value = {.is_null = pg_is_null(result, row, i)};
    if (value.is_null) {
        return value;
    }
    if (store_column_is_bytes(type)) {
        value.bytes = pg_copy(a, result, row, i);
    } else if (type == STORE_COLUMN_FLOAT8) {
        double number = pg_float8(result, row, i);
        number = number == 0 ? 0 : number; // of a negative nothing no sign is kept
        memcpy(&value.number, &number, sizeof(number));
    } else if (type == STORE_COLUMN_BOOL) {
        value.number = pg_bool(result, row, i);
    } else {
        value.number = pg_int(result, row, i);
    }
    return value;
}

static const struct error *refuse_row(const struct source *s, struct arena *a, const char *column) {
    return error_new(a, STATUS_DATA_LOSS, REASON_NONE,
                     "the store \"%s\" has a row of %s without %s; see all that is wrong with "
                     "runsctl check",
                     s->store, store_tables[s->table].name, column);
}

// Takes the rows of result into values; *ret_bytes is how many bytes they have.
static const struct error *take_rows(struct source *s, struct arena *a, const PGresult *result,
                                     struct store_value *values, size_t *ret_bytes) {
    const struct store_table_form *table = &store_tables[s->table];
    size_t bytes = 0;
    for (int row = 0; row < pg_row_count(result); row++) {
        for (int i = 0; i < table->column_count; i++, values++) {
            const struct store_column *column = &table->columns[i];
            *values = read_value(a, result, row, i, column->type);
            if (values->is_null && !column->may_be_null) {
                return refuse_row(s, a, column->name);
            }
            bytes += sizeof(*values) + values->bytes.len;
        }
    }
    *ret_bytes = bytes;
    return NULL;
}

// How many rows are read next, after so many with so many bytes: not many more at once, since those
// that come may be longer.
static int rows_after(int rows, size_t bytes) {
    int64_t fit = rows == 0 ? 1 : (int64_t)WANTED_BYTES * rows / (int64_t)bytes;
    int64_t most = (int64_t)rows * 2 < MOST_ROWS ? (int64_t)rows * 2 : MOST_ROWS;
    return (int)(fit < 1 ? 1 : fit < most ? fit : most);
}

static const struct error *read_rows(struct store_source *base, struct arena *a,
                                     struct store_rows *ret) {
    struct source *s = (struct source *)base;
    *ret = (struct store_rows){.count = 0};
    if (s->has_ended) {
        return NULL;
    }
    const PGresult *result = NULL;
    if (run(s, arena_printf(a, "FETCH FORWARD %d FROM copied", s->next_rows), &result) != PG_OK) {
        return fail(s, a, "reading");
    }
    int rows = pg_row_count(result);
    struct store_value *values =
        ARENA_ARRAY(a, struct store_value, rows * store_tables[s->table].column_count);
    size_t bytes = 0;
    const struct error *e = take_rows(s, a, result, values, &bytes);
    s->has_ended = rows < s->next_rows;
    s->next_rows = rows_after(rows, bytes);
    pg_connection_clear(s->connection);
    if (e == NULL) {
        *ret = (struct store_rows){rows, values};
    }
    return e;
}

static const struct error *take_state(struct source *s, struct arena *a, uint8_t *ret_state) {
    const PGresult *result = NULL;
    if (pg_run(s->connection, &read_state, NULL, &result) != PG_OK) {
        return fail(s, a, "reading what was changed in");
    }
    const int64_t numbers[] = {pg_int(result, 0, 0), pg_int(result, 0, 1)};
    _Static_assert(sizeof(numbers) == STORE_STATE_BYTES, "they are the state");
    memcpy(ret_state, numbers, sizeof(numbers));
    pg_connection_clear(s->connection);
    return NULL;
}

// Begins the snapshot in which all is read.
static const struct error *begin_snapshot(struct source *s, struct arena *a) {
    pg_queue(s->connection, &pg_begin_snapshot, NULL, NULL);
    pg_queue(s->connection, &settings, NULL, NULL);
    if (pg_sync(s->connection) != PG_OK) {
        return fail(s, a, "reading");
    }
    pg_connection_clear(s->connection);
    const struct error *e = copy_users_refuse(a, s->connection, s->store);
    return e == NULL ? take_state(s, a, s->base.identity.state) : e;
}

// A server may have come, and gone, since the snapshot.
static const struct error *confirm(struct store_source *base, struct arena *a) {
    struct source *s = (struct source *)base;
    uint8_t before[STORE_STATE_BYTES];
    memcpy(before, s->base.identity.state, sizeof(before));
    if (pg_run(s->connection, &pg_commit, NULL, NULL) != PG_OK) {
        return fail(s, a, "reading");
    }
    s->has_cursor = false;
    const struct error *e = begin_snapshot(s, a);
    if (e == NULL && memcmp(before, s->base.identity.state, sizeof(before)) != 0) {
        e = error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                      "the store \"%s\" was changed while it was read; stop all of its servers, "
                      "make the other store anew, and copy again",
                      s->store);
    }
    return e;
}

static void close_source(struct store_source *base) {
    struct source *s = (struct source *)base;
    pg_connection_free(s->connection);
    arena_release(&s->arena);
    free(s);
}

static const struct store_source_ops ops = {
    .count = count,
    .begin = begin,
    .read = read_rows,
    .confirm = confirm,
    .close = close_source,
};

static const struct error *check_mark(const struct source *s, struct arena *a,
                                      const struct pg_schema_row *row, bool is_settled) {
    return row->has_mark && !(is_settled && row->mark.table == STORE_COPY_SETTLED)
               ? store_copy_refuse_half(a, s->store)
               : NULL;
}

static const struct error *connect(struct source *s, struct arena *a, const char *location,
                                   bool is_settled) {
    const char *conninfo = NULL;
    const struct error *e = conninfo_of_location(a, "the store's URL", location, &conninfo);
    if (e != NULL) {
        return e;
    }
    const struct pg_connection_options options = {
        .conninfo = arena_printf(&s->arena, "%s", conninfo),
        .application_name = COPY_APPLICATION_NAME,
        .is_pooled = true, // each statement is run once
    };
    s->connection = pg_connection_new(&options);
    if (pg_connection_open(s->connection, clock_monotonic_us() + CONNECT_US) != PG_OK) {
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                         "the store \"%s\" cannot be reached: %s", s->store,
                         pg_connection_detail(s->connection));
    }
    pg_connection_set_deadline(s->connection, 0);
    struct pg_schema_row row;
    e = schema_check_exact(a, s->connection, s->store, &row);
    e = e == NULL ? check_mark(s, a, &row, is_settled) : e;
    e = e == NULL ? begin_snapshot(s, a) : e;
    if (e == NULL) {
        memcpy(s->base.identity.secret, row.secret, STORE_SECRET_BYTES);
        s->base.identity.epoch = row.epoch;
    }
    return e;
}

const struct error *pg_copy_source_open(struct arena *a, const char *location, bool is_settled,
                                        struct store_source **ret_source) {
    struct source *s = mem_zalloc(sizeof(*s));
    s->base.ops = &ops;
    arena_init(&s->arena);
    s->store = arena_printf(&s->arena, "%s", conninfo_describe(a, location));
    const struct error *e = connect(s, a, location, is_settled);
    if (e != NULL) {
        close_source(&s->base);
        return e;
    }
    *ret_source = &s->base;
    return NULL;
}

// When its server was started, and which of its databases it is: whatever way leads there.
static const struct pg_statement read_place = {
    "copy_read_place",
    "SELECT convert_to(extract(epoch FROM pg_postmaster_start_time())||':'||oid, 'UTF8')"
    " FROM pg_database WHERE datname=current_database()",
};

const char *pg_copy_place_of(struct arena *a, const char *location) {
    const char *conninfo = NULL;
    if (conninfo_of_location(a, "the store's URL", location, &conninfo) != NULL) {
        return NULL;
    }
    const struct pg_connection_options options = {
        .conninfo = conninfo,
        .application_name = COPY_APPLICATION_NAME,
        .is_pooled = true,
    };
    struct pg_connection *c = pg_connection_new(&options);
    const PGresult *result = NULL;
    const char *place = NULL;
    if (pg_connection_open(c, clock_monotonic_us() + CONNECT_US) == PG_OK &&
        pg_run(c, &read_place, NULL, &result) == PG_OK) {
        place = arena_cstr(a, pg_bytes(result, 0, 0));
    }
    pg_connection_free(c);
    return place;
}
