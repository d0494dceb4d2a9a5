#ifndef RUNSD_STORAGE_POSTGRES_RUN_ROW_H
#define RUNSD_STORAGE_POSTGRES_RUN_ROW_H

#include "storage/postgres/pg_row.h"
#include "storage/run_record.h"

// How the rows of a run are read, those of run, run_term and run_body; shared by the statements of
// all operations. What a column holds says storage/postgres/schema_tables.c.

// The columns that pg_run_row_read reads from column first on: of r, a row of run, and t, that of
// run_term, of which most runs have none.
#define RUN_ROW_COLUMNS                                                                            \
    "r.organization, r.id, r.status, r.started_at, r.updated_at, r.sequence, r.attempt,"           \
    " r.total_cu, r.run_key, r.created_revision, r.newest_revision, r.ended_revision,"             \
    " r.has_terms, t.dispatch, t.fails_on_lease_loss, t.on_timeout, t.timeout_at,"                 \
    " t.waiting_timeout, t.holder, t.lease, t.waiting_until, t.stopped_at"

// Joins t to r, without a look at its table where the run has no terms. OFFSET 0 keeps the planner
// from joining in another way than run by run, which keeps their order.
#define RUN_ROW_TERM_JOIN                                                                          \
    " LEFT JOIN LATERAL (SELECT * FROM run_term WHERE r.has_terms"                                 \
    " AND run_term.organization=r.organization AND run_term.id=r.id OFFSET 0) AS t ON true"

enum { RUN_ROW_COLUMN_COUNT = 22 };

// The columns that pg_run_body_read reads, of b, a row of run_body, and what joins it to r.
#define RUN_BODY_COLUMNS "b.run_key, b.spec, b.execution_state"
#define RUN_BODY_JOIN                                                                              \
    " LEFT JOIN LATERAL (SELECT * FROM run_body WHERE run_body.run_key=r.run_key OFFSET 0) AS b"   \
    " ON true"
// How many bytes the body has that was read.
#define RUN_BODY_BYTES_SQL "(octet_length(b.spec) + octet_length(b.execution_state))"

enum { RUN_BODY_COLUMN_COUNT = 3 };

// What is read of a run beside its record.
struct run_row {
    int64_t run_key;
    int64_t created_revision;
    int64_t newest_revision;
    int64_t ended_revision;
    bool has_terms; // it has a row of run_term
};

// Reads the columns from first on into ret: all but workflow_id, spec and the fields of run_body,
// which become empty; with copies in a. ret_row may be NULL. Returns false, and leaves both, where
// it is no row of a sound run: what refers to it has no other answer than STORE_STOPPED.
bool pg_run_row_read(struct arena *a, const PGresult *result, int row, int first,
                     struct run_record *ret, struct run_row *ret_row);

// Reads the columns from first on into ret, with copies in a. Returns false, and leaves ret, where
// the run has no body.
bool pg_run_body_read(struct arena *a, const PGresult *result, int row, int first,
                      struct run_record *ret);

// Returns how many bytes the body has of run that was read.
static inline int64_t run_body_bytes(const struct run_record *run) {
    return (int64_t)(run->spec.len + run->fields.execution_state.len);
}

// Reads both, the body's columns behind those of the run.
bool run_row_read_whole(struct arena *a, const PGresult *result, int row, int first,
                        struct run_record *ret, struct run_row *ret_row);

#endif
