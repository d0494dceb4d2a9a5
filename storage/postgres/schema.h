#ifndef RUNSD_STORAGE_POSTGRES_SCHEMA_H
#define RUNSD_STORAGE_POSTGRES_SCHEMA_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/postgres/pg_connection.h"
#include "storage/run_store.h"
#include "storage/store_copy_ends.h"

// The tables, and the steps that lead from one version to the next.

// The version that this program serves, and the oldest one whose programs may serve what it writes.
enum { PG_SCHEMA_VERSION = 1, PG_SCHEMA_OLDEST_PROGRAM = 1 };

// Of step i, 1 to PG_SCHEMA_VERSION: the statements, one after the other, a NULL at the end.
extern const char *const *const pg_schema_steps[PG_SCHEMA_VERSION];

// What the store says of itself.
struct pg_schema_row {
    int version; // 0: there are no tables, and nothing else is set
    int oldest_program;
    uint8_t secret[STORE_SECRET_BYTES];
    uint64_t epoch;
    int64_t token_changes;
    bool has_mark; // it is half of a copy
    struct store_copy_mark mark;
};

// Reads it, in the transaction that is open, if one is.
enum pg_outcome schema_read(struct pg_connection *c, struct pg_schema_row *ret);

// Reads it and says whether this program may serve the store, which is called store in messages.
// NOT_FOUND: there are no tables; FAILED_PRECONDITION: the schema is too old or too new, of which
// the message names both versions, or it is half of a copy; UNAVAILABLE: it cannot be read.
const struct error *schema_check(struct arena *a, struct pg_connection *c, const char *store,
                                 struct pg_schema_row *ret);

// The same, for one end of a copy: of this program's version alone, and it may be half of one.
const struct error *schema_check_exact(struct arena *a, struct pg_connection *c, const char *store,
                                       struct pg_schema_row *ret);

#endif
