#include "storage/op/get_run.h"

#include "storage/postgres/damage.h"
#include "storage/postgres/postgres_op.h"
#include "storage/postgres/run_row.h"

#define GET_COLUMNS RUN_ROW_COLUMNS ", " RUN_BODY_COLUMNS

static const struct pg_statement get_one = {
    "get_run",
    "SELECT " GET_COLUMNS " FROM run AS r" RUN_ROW_TERM_JOIN RUN_BODY_JOIN
    " WHERE r.organization=$1::bytea AND r.id=$2::bytea",
};

// The first column is the place of what is asked for, from 1 on; what is not there has no row.
static const struct pg_statement get_many = {
    "get_runs",
    "SELECT w.place, " GET_COLUMNS
    " FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS w(organization, id, place)"
    " JOIN run AS r ON r.organization=w.organization AND r.id=w.id" RUN_ROW_TERM_JOIN RUN_BODY_JOIN,
};

// How many are asked for in one statement at most, so that all their bodies are not too much memory
// at once.
enum { MOST_AT_ONCE = 64 };

static struct store_get_run *get_of(struct store_op *op) {
    return CONTAINER_OF(op, struct store_get_run, op);
}

static void answer(struct store_get_run *get, const PGresult *result, int row, int first) {
    struct arena *a = get->op.arena;
    if (run_row_read_whole(a, result, row, first, &get->ret, NULL)) {
        get->op.result = STORE_OK;
    } else {
        pg_answer_damage(&get->op, "a run has no sound row, or no body");
    }
}

static enum pg_outcome read_one(struct pg_connection *c, struct arena *temporary,
                                struct store_op *op) {
    struct store_get_run *get = get_of(op);
    struct pg_params params;
    const PGresult *result;
    pg_params_init(&params, temporary);
    pg_add_bytes(&params, get->organization);
    pg_add_bytes(&params, get->id);
    enum pg_outcome outcome = pg_run(c, &get_one, &params, &result);
    if (outcome != PG_OK) {
        return outcome;
    }
    op->result = STORE_NOT_FOUND;
    if (pg_row_count(result) > 0) {
        answer(get, result, 0, 0);
    }
    return PG_OK;
}

// Reads the count gets of those, more than one.
static enum pg_outcome read_some(struct pg_connection *c, struct arena *temporary,
                                 struct store_get_run *const *gets, int count) {
    struct pg_array organizations;
    struct pg_array ids;
    struct pg_params params;
    const PGresult *result;
    pg_array_init(&organizations, temporary, PG_BYTEA);
    pg_array_init(&ids, temporary, PG_BYTEA);
    for (int i = 0; i < count; i++) {
        gets[i]->op.result = STORE_NOT_FOUND;
        pg_array_bytes(&organizations, gets[i]->organization);
        pg_array_bytes(&ids, gets[i]->id);
    }
    pg_params_init(&params, temporary);
    pg_add_array(&params, &organizations);
    pg_add_array(&params, &ids);
    enum pg_outcome outcome = pg_run(c, &get_many, &params, &result);
    for (int row = 0; outcome == PG_OK && row < pg_row_count(result); row++) {
        answer(gets[pg_int(result, row, 0) - 1], result, row, 1);
    }
    return outcome;
}

static enum pg_outcome read_all(struct pg_connection *c, struct arena *temporary,
                                struct store_op *ops) {
    enum pg_outcome outcome = PG_OK;
    while (outcome == PG_OK && ops != NULL) {
        struct store_get_run *gets[MOST_AT_ONCE];
        int count = 0;
        for (; count < MOST_AT_ONCE && ops != NULL; ops = ops->next) {
            gets[count++] = get_of(ops);
        }
        outcome = count == 1 ? read_one(c, temporary, &gets[0]->op)
                             : read_some(c, temporary, gets, count);
        pg_connection_clear(c);
    }
    return outcome;
}

const struct postgres_op postgres_get_run = {.read_all = read_all};
