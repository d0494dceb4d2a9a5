#include "storage/postgres/copy_target.h"

#include <stdlib.h>
#include <string.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "storage/postgres/conninfo.h"
#include "storage/postgres/copy_users.h"
#include "storage/postgres/pg_row.h"
#include "storage/postgres/schema.h"

enum { CONNECT_US = 10 * 1000 * 1000 };

struct target {
    struct store_target base;
    struct arena arena; // of what its connection borrows
    const char *store;  // for messages
    struct pg_connection *connection;
    struct store_copy_mark written; // as the store has it
};

// $1 and so on are the columns of store_tables, an array each.
static const struct pg_statement inserts[STORE_TABLE_COUNT] = {
    [STORE_TABLE_ORGANIZATION] =
        {"copy_organizations",
         "INSERT INTO organization(name, revision, floor_revision, frozen_at, attempt_floor,"
         " running, waiting, success, failure, cancelled, stored_bytes, changed_at)"
         " SELECT w.*, now() FROM unnest($1::bytea[], $2::int8[], $3::int8[], $4::int8[],"
         " $5::int8[], $6::int8[], $7::int8[], $8::int8[], $9::int8[], $10::int8[],"
         " $11::int8[]) AS w"},
    [STORE_TABLE_EVENT] =
        {"copy_events",
         "INSERT INTO event(organization, revision, id, kind, sequence, from_status, to_status, at,"
         " attempt, holder, actor, reason, request_id, remote_address, idempotency_key,"
         " workflow_id) SELECT * FROM unnest($1::bytea[], $2::int8[], $3::bytea[], $4::int2[],"
         " $5::int8[], $6::int2[], $7::int2[], $8::int8[], $9::int8[], $10::bytea[], $11::bytea[],"
         " $12::bytea[], $13::bytea[], $14::bytea[], $15::bytea[], $16::bytea[])"},
    [STORE_TABLE_RUN] =
        {"copy_runs",
         "WITH w AS (SELECT nextval('run_run_key_seq') AS key, w.* FROM unnest($1::bytea[],"
         " $2::bytea[], $3::bytea[], $4::int2[], $5::int8[], $6::int8[], $7::int8[], $8::int8[],"
         " $9::int8[], $10::int8[], $11::int8[], $12::float8[], $13::bool[], $14::bool[],"
         " $15::bytea[], $16::bytea[]) AS w(organization, id, workflow_id, status, started_at,"
         " updated_at, sequence, attempt, created_revision, newest_revision, ended_revision,"
         " total_cu, has_terms, has_parent, spec, execution_state)),"
         " b AS (INSERT INTO run_body(run_key, spec, execution_state)"
         " SELECT key, spec, execution_state FROM w),"
         " a AS (INSERT INTO run_active(organization, started_at, id)"
         " SELECT organization, started_at, id FROM w WHERE status IN (1, 2))"
         " INSERT INTO run(run_key, organization, id, workflow_id, status, started_at, updated_at,"
         " sequence, attempt, created_revision, newest_revision, ended_revision, total_cu,"
         " has_terms, has_parent) OVERRIDING SYSTEM VALUE SELECT key, organization, id,"
         " workflow_id, status, started_at, updated_at, sequence, attempt, created_revision,"
         " newest_revision, ended_revision, total_cu, has_terms, has_parent FROM w"},
    [STORE_TABLE_RUN_TERM] =
        {"copy_terms",
         "INSERT INTO run_term(organization, id, workflow_id, started_at, status, dispatch,"
         " fails_on_lease_loss, on_timeout, timeout_at, waiting_timeout, holder, lease,"
         " waiting_until, due_at, stopped_at, is_open) SELECT * FROM unnest($1::bytea[],"
         " $2::bytea[], $3::bytea[], $4::int8[], $5::int2[], $6::int2[], $7::bool[], $8::int2[],"
         " $9::int8[], $10::int8[], $11::bytea[], $12::int8[], $13::int8[], $14::int8[],"
         " $15::int8[], $16::bool[])"},
    [STORE_TABLE_RUN_PARENT] =
        {"copy_parents",
         "INSERT INTO run_parent(organization, id, parent, is_gone) SELECT * FROM unnest("
         "$1::bytea[], $2::bytea[], $3::bytea[], $4::bool[])"},
    [STORE_TABLE_RUN_COUNT] =
        {"copy_counts",
         "INSERT INTO run_count(organization, workflow_id, running, waiting, success, failure,"
         " cancelled) SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::int8[], $4::int8[],"
         " $5::int8[], $6::int8[], $7::int8[])"},
    [STORE_TABLE_IDEMPOTENCY] =
        {"copy_keys",
         "INSERT INTO idempotency(organization, name, fingerprint, at, target_kind, target)"
         " SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::int8[], $5::int2[],"
         " $6::bytea[])"},
    // The next step of what is not collected begins with the first run that the job may be about.
    [STORE_TABLE_BULK] =
        {"copy_jobs",
         "INSERT INTO bulk(organization, bulk_key, id, state, is_dry_run, cascades, has_filter,"
         " statuses, workflow_id, source_run_id, holder, started_after, started_before,"
         " is_collected, parent_id, as_of_revision, created_at, started_at, finished_at, total,"
         " cancelled, already_final, not_found, actor, reason, request_id, remote_address,"
         " idempotency_key, cursor_at, cursor_id) OVERRIDING SYSTEM VALUE SELECT w.*,"
         " CASE started_after WHEN 0 THEN -9223372036854775808 WHEN 9223372036854775807"
         " THEN started_after ELSE started_after+1 END, ''::bytea"
         " FROM unnest($1::bytea[], $2::int8[], $3::bytea[], $4::int2[], $5::bool[], $6::bool[],"
         " $7::bool[], $8::int4[], $9::bytea[], $10::bytea[], $11::bytea[], $12::int8[],"
         " $13::int8[], $14::bool[], $15::bytea[], $16::int8[], $17::int8[], $18::int8[],"
         " $19::int8[], $20::int8[], $21::int8[], $22::int8[], $23::int8[], $24::bytea[],"
         " $25::bytea[], $26::bytea[], $27::bytea[], $28::bytea[]) AS w(organization, bulk_key,"
         " id, state, is_dry_run, cascades, has_filter, statuses, workflow_id, source_run_id,"
         " holder, started_after, started_before, is_collected, parent_id, as_of_revision,"
         " created_at, started_at, finished_at, total, cancelled, already_final, not_found, actor,"
         " reason, request_id, remote_address, idempotency_key)"},
    [STORE_TABLE_BULK_ITEM] =
        {"copy_items",
         "INSERT INTO bulk_item(bulk_key, id, outcome, due, as_of_revision)"
         " SELECT w.bulk_key, w.id, w.outcome, w.due, w.as_of FROM unnest($1::bytea[], $2::int8[],"
         " $3::bytea[], $4::int2[], $5::int2[], $6::int8[])"
         " AS w(organization, bulk_key, id, outcome, due, as_of)"},
    [STORE_TABLE_TOKEN] =
        {"copy_tokens",
         "INSERT INTO token(organization, name, client_san, hash, scopes, created_at, expires_at,"
         " revoked_at, last_used_at, rotations, rotated_at, previous_hash, previous_created_at,"
         " previous_expires_at, previous_last_used_at, denials, refusals, limit_reads,"
         " limit_changes, limit_bytes, limit_streams) SELECT * FROM unnest($1::bytea[],"
         " $2::bytea[], $3::bytea[], $4::bytea[], $5::int4[], $6::int8[], $7::int8[], $8::int8[],"
         " $9::int8[], $10::int8[], $11::int8[], $12::bytea[], $13::int8[], $14::int8[],"
         " $15::int8[], $16::int8[], $17::int8[], $18::int8[], $19::int8[], $20::int8[],"
         " $21::int8[])"},
};

// Fails, by a division, unless the mark is the one that this copy wrote last.
static const struct pg_statement move_mark = {
    "copy_move_mark",
    "WITH u AS (UPDATE store SET copy_of=$1::bytea"
    "  WHERE copy_of IS NOT DISTINCT FROM $2::bytea RETURNING 1) SELECT 1/count(*) FROM u",
};

static const struct pg_statement complete_store = {
    "copy_complete",
    "WITH u AS (UPDATE store SET copy_of=NULL, secret=$2::bytea, epoch=$3::int8,"
    " token_changes=token_changes+1 WHERE copy_of=$1::bytea RETURNING 1) SELECT 1/count(*) FROM u",
};

// The keys of later jobs are behind those that were copied.
static const struct pg_statement move_keys = {
    "copy_move_keys",
    "SELECT setval('bulk_bulk_key_seq', max(bulk_key)) FROM bulk HAVING count(*)>0",
};

// Waits for the last transaction of a copy that was killed.
static const struct pg_statement lock_store = {"copy_lock_store", "SELECT 1 FROM store FOR UPDATE"};

static const struct pg_statement analyze = {"copy_analyze", "ANALYZE"};

static const struct pg_statement look_whether_empty = {
    "copy_look_whether_empty",
    "SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM token),"
    " EXISTS(SELECT 1 FROM organization) OR EXISTS(SELECT 1 FROM event)"
    " OR EXISTS(SELECT 1 FROM bulk) OR EXISTS(SELECT 1 FROM idempotency)",
};

static const struct error *fail(const struct target *t, struct arena *a) {
    return strcmp(pg_connection_sqlstate(t->connection), "22012") == 0
               ? error_new(a, STATUS_ABORTED, REASON_NONE,
                           "the store \"%s\": another copy writes to it, or has; see that none is "
                           "at work, and run the same command again",
                           t->store)
               : error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                           "the store \"%s\" cannot be written to: %s", t->store,
                           pg_connection_detail(t->connection));
}

static struct slice bytes_of(const struct store_copy_mark *mark) {
    return slice_of((const void *)mark, sizeof(*mark));
}

// Ends the transaction whose statements are queued; the store has mark then.
static const struct error *end(struct target *t, struct arena *a,
                               const struct store_copy_mark *mark) {
    pg_queue(t->connection, &pg_commit, NULL, NULL);
    if (pg_sync(t->connection) != PG_OK) {
        return fail(t, a);
    }
    pg_connection_clear(t->connection);
    t->written = *mark;
    return NULL;
}

static void queue_mark(struct target *t, struct pg_params *p, const struct store_copy_mark *mark,
                       bool is_first) {
    pg_add_bytes(p, bytes_of(mark));
    if (is_first) {
        pg_add_null(p);
    } else {
        pg_add_bytes(p, bytes_of(&t->written));
    }
    pg_queue(t->connection, &move_mark, p, NULL);
}

// Nobody uses it: whoever comes later finds the mark. Reads what the store has of it.
static const struct error *check_users(struct target *t, struct arena *a,
                                       struct pg_schema_row *ret) {
    if (pg_run(t->connection, &pg_begin, NULL, NULL) != PG_OK) {
        return fail(t, a);
    }
    const struct error *e = copy_users_refuse(a, t->connection, t->store);
    if (e == NULL && (pg_run(t->connection, &lock_store, NULL, NULL) != PG_OK ||
                      schema_read(t->connection, ret) != PG_OK ||
                      pg_run(t->connection, &pg_commit, NULL, NULL) != PG_OK)) {
        e = fail(t, a);
    }
    pg_connection_clear(t->connection);
    return e;
}

static const struct error *begin(struct store_target *base, struct arena *a,
                                 const struct store_copy_mark *mark) {
    struct target *t = (struct target *)base;
    struct pg_params p;
    pg_params_init(&p, a);
    pg_queue(t->connection, &pg_begin, NULL, NULL);
    queue_mark(t, &p, mark, true);
    const struct error *e = end(t, a, mark);
    struct pg_schema_row row;
    return e == NULL ? check_users(t, a, &row) : e; // one may have come before the mark
}

static uint32_t array_type(enum store_column_type type) {
    switch (type) {
    case STORE_COLUMN_BOOL:
        return PG_BOOL;
    case STORE_COLUMN_INT2:
        return PG_INT2;
    case STORE_COLUMN_INT4:
        return PG_INT4;
    case STORE_COLUMN_INT8:
    case STORE_COLUMN_FLOOR:
        return PG_INT8;
    case STORE_COLUMN_FLOAT8:
        return PG_FLOAT8;
    case STORE_COLUMN_BYTES:
    case STORE_COLUMN_RUN_ID:
        break;
    }
    return PG_BYTEA;
}

static void add_value(struct pg_array *array, const struct store_value *value) {
    double number;
    if (value->is_null) {
        pg_array_null(array);
        return;
    }
    switch (array->type) {
    case PG_BOOL:
        pg_array_bool(array, value->number != 0);
        break;
    case PG_INT2:
        pg_array_int2(array, (int)value->number);
        break;
    case PG_INT4:
        pg_array_int4(array, (int32_t)value->number);
        break;
    case PG_INT8:
        pg_array_int8(array, value->number);
        break;
    case PG_FLOAT8:
        memcpy(&number, &value->number, sizeof(number));
        pg_array_float8(array, number);
        break;
    default:
        pg_array_bytes(array, value->bytes);
    }
}

static void add_columns(struct pg_params *p, enum store_table_index table,
                        const struct store_rows *rows) {
    int columns = store_tables[table].column_count;
    for (int i = 0; i < columns; i++) {
        struct pg_array array;
        pg_array_init(&array, p->arena, array_type(store_tables[table].columns[i].type));
        for (int row = 0; row < rows->count; row++) {
            add_value(&array, &rows->values[row * columns + i]);
        }
        pg_add_array(p, &array);
    }
}

static const struct error *put(struct store_target *base, struct arena *a,
                               enum store_table_index table, const struct store_rows *rows,
                               const struct store_copy_mark *mark) {
    struct target *t = (struct target *)base;
    struct pg_params of_mark;
    struct pg_params of_rows;
    pg_params_init(&of_mark, a);
    pg_params_init(&of_rows, a);
    add_columns(&of_rows, table, rows);
    pg_queue(t->connection, &pg_begin, NULL, NULL);
    queue_mark(t, &of_mark, mark, false);
    pg_queue(t->connection, &inserts[table], &of_rows, NULL);
    return end(t, a, mark);
}

static const struct error *settle(struct store_target *base, struct arena *a,
                                  const struct store_copy_mark *mark) {
    struct target *t = (struct target *)base;
    struct pg_params p;
    pg_params_init(&p, a);
    pg_queue(t->connection, &pg_begin, NULL, NULL);
    queue_mark(t, &p, mark, false);
    pg_queue(t->connection, &move_keys, NULL, NULL);
    pg_queue(t->connection, &analyze, NULL, NULL);
    return end(t, a, mark);
}

static const struct error *complete(struct store_target *base, struct arena *a,
                                    const struct store_identity *source) {
    struct target *t = (struct target *)base;
    struct pg_params p;
    pg_params_init(&p, a);
    pg_add_bytes(&p, bytes_of(&t->written));
    pg_add_bytes(&p, slice_of(source->secret, STORE_SECRET_BYTES));
    pg_add_int8(&p, (int64_t)source->epoch);
    pg_queue(t->connection, &pg_begin, NULL, NULL);
    pg_queue(t->connection, &complete_store, &p, NULL);
    return end(t, a, &t->written);
}

static void close_target(struct store_target *base) {
    struct target *t = (struct target *)base;
    pg_connection_free(t->connection);
    arena_release(&t->arena);
    free(t);
}

static const struct store_target_ops ops = {
    .begin = begin,
    .put = put,
    .settle = settle,
    .complete = complete,
    .close = close_target,
};

static const struct error *check_empty(struct target *t, struct arena *a) {
    const PGresult *result = NULL;
    if (pg_run(t->connection, &look_whether_empty, NULL, &result) != PG_OK) {
        return fail(t, a);
    }
    int64_t runs = pg_int(result, 0, 0);
    int64_t tokens = pg_int(result, 0, 1);
    bool has_traces = pg_bool(result, 0, 2);
    pg_connection_clear(t->connection);
    return runs + tokens == 0 && !has_traces ? NULL
                                             : store_copy_refuse_filled(a, t->store, runs, tokens);
}

static const struct error *connect(struct target *t, struct arena *a, const char *location) {
    const char *conninfo = NULL;
    const struct error *e = conninfo_of_location(a, "the store's URL", location, &conninfo);
    if (e != NULL) {
        return e;
    }
    const struct pg_connection_options options = {
        .conninfo = arena_printf(&t->arena, "%s", conninfo),
        .application_name = COPY_APPLICATION_NAME,
        .is_pooled = true, // each statement is long
    };
    t->connection = pg_connection_new(&options);
    if (pg_connection_open(t->connection, clock_monotonic_us() + CONNECT_US) != PG_OK) {
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                         "the store \"%s\" cannot be reached: %s", t->store,
                         pg_connection_detail(t->connection));
    }
    pg_connection_set_deadline(t->connection, 0);
    struct pg_schema_row row;
    e = schema_check_exact(a, t->connection, t->store, &row);
    e = e == NULL ? check_users(t, a, &row) : e;
    if (e == NULL) {
        t->base.has_mark = row.has_mark;
        t->base.mark = t->written = row.mark;
        e = row.has_mark ? NULL : check_empty(t, a);
    }
    return e;
}

const struct error *pg_copy_target_open(struct arena *a, const char *location,
                                        struct store_target **ret_target) {
    struct target *t = mem_zalloc(sizeof(*t));
    t->base.ops = &ops;
    arena_init(&t->arena);
    t->store = arena_printf(&t->arena, "%s", conninfo_describe(a, location));
    const struct error *e = connect(t, a, location);
    if (e != NULL) {
        close_target(&t->base);
        return e;
    }
    *ret_target = &t->base;
    return NULL;
}
