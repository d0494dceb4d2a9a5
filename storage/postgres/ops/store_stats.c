#include "storage/op/store_stats.h"

#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"

enum { FIRST_OF_COUNTS = 1, OLDEST_AT = 6, BYTES };

// Of the organizations, of which there are few beside what they have: how many, and their runs; and
// the first event of each is its oldest one.
static const struct pg_statement select_organizations = {
    "store_stats",
    "SELECT count(*) FILTER (WHERE revision>0), sum(running)::int8, sum(waiting)::int8,"
    " sum(success)::int8, sum(failure)::int8, sum(cancelled)::int8,"
    " min((SELECT at FROM event WHERE event.organization=o.name"
    "  ORDER BY event.organization, event.revision LIMIT 1)),"
    " pg_database_size(current_database()) FROM organization AS o",
};

// How many rows a table has: counted up to so many, else as of its last analysis, for which
// autovacuum sees.
#define COUNTED_SQL "10000"
#define ROWS_SQL(table)                                                                            \
    "(SELECT CASE WHEN n<" COUNTED_SQL " THEN n ELSE (SELECT greatest(n, reltuples::int8)"         \
    " FROM pg_class WHERE oid='" table "'::regclass) END"                                          \
    " FROM (SELECT count(*) AS n FROM (SELECT 1 FROM " table " LIMIT " COUNTED_SQL ") AS few)"     \
    " AS counted)"

enum { EVENTS, KEYS, JOBS };
static const struct pg_statement select_rows = {
    "store_stats_rows",
    "SELECT " ROWS_SQL("event") ", " ROWS_SQL("idempotency") ", " ROWS_SQL("bulk"),
};

static enum pg_outcome read_op(struct pg_connection *c, struct arena *temporary,
                               struct store_op *op) {
    (void)temporary;
    struct store_store_stats *q = CONTAINER_OF(op, struct store_store_stats, op);
    const PGresult *organizations;
    const PGresult *rows;
    pg_queue(c, &select_organizations, NULL, &organizations);
    pg_queue(c, &select_rows, NULL, &rows);
    enum pg_outcome outcome = pg_sync(c);
    if (outcome != PG_OK) {
        return outcome;
    }
    op->result = STORE_OK;
    q->ret = (struct store_sizes){
        .organizations = pg_int(organizations, 0, 0),
        .events = pg_int(rows, 0, EVENTS),
        .keys = pg_int(rows, 0, KEYS),
        .jobs = pg_int(rows, 0, JOBS),
        .oldest_event_at_us = pg_int(organizations, 0, OLDEST_AT),
        .bytes = pg_int(organizations, 0, BYTES),
    };
    for (int status = 1; status < RUN_STATUS_COUNT; status++) {
        q->ret.runs[status] = pg_int(organizations, 0, FIRST_OF_COUNTS + status - 1);
    }
    return PG_OK;
}

const struct postgres_op postgres_store_stats = {.read = read_op, .is_long = true};
