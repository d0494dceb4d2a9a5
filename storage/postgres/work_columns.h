#ifndef RUNSD_STORAGE_POSTGRES_WORK_COLUMNS_H
#define RUNSD_STORAGE_POSTGRES_WORK_COLUMNS_H

#include "storage/postgres/work_internal.h"

// What is written set by set: each set is one statement with an array for each column.
//
// A statement unnests them side by side in a SELECT of its own, as (SELECT unnest($1::bytea[]) AS
// id, unnest($2::int8[]) AS at): all are as long. As unnest($1, $2) in FROM each column would be
// stored by itself first, which takes three times as long as all the rest.

// Rows of one kind, which become the parameters of a statement.
struct columns {
    struct pg_params params;
    struct arena *arena;
    int count;
};

static inline struct columns begin_columns(struct work *work, int count) {
    struct columns c = {.arena = &work->arena, .count = count};
    pg_params_init(&c.params, c.arena);
    return c;
}

// Adds a column: value, an expression of the row, for each of rows, which are pointers.
#define COLUMN(c, TYPE, add, rows, value)                                                          \
    do {                                                                                           \
        struct pg_array array;                                                                     \
        pg_array_init(&array, (c)->arena, PG_##TYPE);                                              \
        for (int i = 0; i < (c)->count; i++) {                                                     \
            __auto_type row = (rows)[i];                                                           \
            pg_array_##add(&array, value);                                                         \
        }                                                                                          \
        pg_add_array(&(c)->params, &array);                                                        \
    } while (0)
#define BYTES(c, rows, value) COLUMN(c, BYTEA, bytes, rows, value)
#define INT8(c, rows, value)  COLUMN(c, INT8, int8, rows, value)
#define INT2(c, rows, value)  COLUMN(c, INT2, int2, rows, (int)(value))
#define BOOL(c, rows, value)  COLUMN(c, BOOL, bool, rows, value)

static inline void queue(struct work *work, const struct pg_statement *statement,
                         const struct columns *c) {
    pg_queue(work->connection, statement, &c->params, NULL);
}

// Of runs that are final, or gone; its columns are organization, started_at_us and id.
#define WORK_DELETE_ACTIVE_SQL(organizations, starts, ids)                                         \
    "DELETE FROM run_active AS a USING (SELECT unnest(" organizations                              \
    "::bytea[]) AS organization, unnest(" starts "::int8[]) AS started_at, unnest(" ids            \
    "::bytea[]) AS id) AS w WHERE a.organization=w.organization"                                   \
    " AND a.started_at=w.started_at AND a.id=w.id"
extern const struct pg_statement work_delete_active;

// Queue what is to be written of runs that were deleted: their rows; of those that were not final
// what lists them as such; and, behind the events of the transaction, theirs.
void work_queue_deleted_runs(struct work *work);
void work_queue_deleted_active(struct work *work);
void work_queue_deleted_events(struct work *work);

// Queues what is to be written of runs that were added or changed.
void work_queue_runs(struct work *work);

// Queues what was noted of renewals.
void work_queue_noted_renewals(struct work *work);

#endif
