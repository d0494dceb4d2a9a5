#include "storage/postgres/schema.h"

#include <string.h>

#include "storage/postgres/pg_row.h"

static const struct pg_statement find_tables = {
    .name = "find_tables",
    .sql = "SELECT to_regclass('store') IS NOT NULL",
};

static const struct pg_statement read_row = {
    .name = "read_store",
    .sql = "SELECT version, oldest_program, secret, epoch, token_changes, copy_of FROM store",
};

static void take_row(const PGresult *result, struct pg_schema_row *ret) {
    ret->version = (int)pg_int(result, 0, 0);
    ret->oldest_program = (int)pg_int(result, 0, 1);
    struct slice secret = pg_bytes(result, 0, 2);
    size_t len = secret.len < STORE_SECRET_BYTES ? secret.len : STORE_SECRET_BYTES;
    memcpy(ret->secret, secret.data, len);
    ret->epoch = (uint64_t)pg_int(result, 0, 3);
    ret->token_changes = pg_int(result, 0, 4);
    // As it is in memory: one of another size says nothing but that there is one.
    struct slice mark = pg_bytes(result, 0, 5);
    ret->has_mark = !pg_is_null(result, 0, 5);
    if (mark.len == sizeof(ret->mark)) {
        memcpy(&ret->mark, mark.data, sizeof(ret->mark));
    }
}

enum pg_outcome schema_read(struct pg_connection *c, struct pg_schema_row *ret) {
    const PGresult *result;
    memset(ret, 0, sizeof(*ret));
    enum pg_outcome outcome = pg_run(c, &find_tables, NULL, &result);
    bool is_there = outcome == PG_OK && pg_bool(result, 0, 0);
    if (is_there) {
        outcome = pg_run(c, &read_row, NULL, &result);
    }
    if (outcome == PG_OK && is_there && pg_row_count(result) == 1) {
        take_row(result, ret);
    }
    pg_connection_clear(c);
    return outcome;
}

// Reads the row of a store that has tables, of this version or a newer one.
static const struct error *read_known(struct arena *a, struct pg_connection *c, const char *store,
                                      struct pg_schema_row *ret) {
    if (schema_read(c, ret) != PG_OK) {
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "the store \"%s\" cannot be read: %s",
                         store, pg_connection_detail(c));
    }
    if (ret->version == 0) {
        return error_new(a, STATUS_NOT_FOUND, REASON_NONE,
                         "the store \"%s\" has no tables; make them with runsctl store migrate, as "
                         "the role that is to own them",
                         store);
    }
    if (ret->version < PG_SCHEMA_VERSION) {
        return error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                         "the store \"%s\" has schema version %d, this program serves version %d; "
                         "run this version's runsctl store migrate",
                         store, ret->version, PG_SCHEMA_VERSION);
    }
    return NULL;
}

static const struct error *refuse_newer(struct arena *a, const char *store,
                                        const struct pg_schema_row *row) {
    return error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                     "the store \"%s\" has schema version %d, which programs that know version "
                     "%d may serve, this program knows versions up to %d; use a newer program",
                     store, row->version, row->oldest_program, PG_SCHEMA_VERSION);
}

const struct error *schema_check(struct arena *a, struct pg_connection *c, const char *store,
                                 struct pg_schema_row *ret) {
    struct pg_schema_row row;
    const struct error *e = read_known(a, c, store, &row);
    if (e == NULL && row.oldest_program > PG_SCHEMA_VERSION) {
        e = refuse_newer(a, store, &row);
    }
    if (e == NULL && row.has_mark) {
        e = store_copy_refuse_half(a, store);
    }
    if (e == NULL) {
        *ret = row;
    }
    return e;
}

const struct error *schema_check_exact(struct arena *a, struct pg_connection *c, const char *store,
                                       struct pg_schema_row *ret) {
    struct pg_schema_row row;
    const struct error *e = read_known(a, c, store, &row);
    if (e == NULL && row.version > PG_SCHEMA_VERSION) {
        e = error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                      "the store \"%s\" has schema version %d, and this program copies version %d "
                      "alone; use a newer program",
                      store, row.version, PG_SCHEMA_VERSION);
    }
    if (e == NULL) {
        *ret = row;
    }
    return e;
}
