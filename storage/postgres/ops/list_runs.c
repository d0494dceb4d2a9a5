#include "storage/op/list_runs.h"

#include "base/core/check.h"
#include "storage/postgres/damage.h"
#include "storage/postgres/postgres_op.h"
#include "storage/postgres/run_row.h"

// How many rows of an index one listing looks at before it stops with has_more.
enum { SCAN_LIMIT = 10000 };
#define SCAN_LIMIT_SQL "10000"

// After how many bytes of bodies it stops with has_more: what is above one reply is read in vain,
// and a page of the largest runs would be gigabytes.
enum { BYTE_LIMIT = 4 * 1024 * 1024 };

// The columns of a listing, before those of the run.
enum { NTH, IS_WANTED, FIRST_OF_RUN };

// Of the run r: what is within the bounds of the list, and what is asked for besides.
#define WITHIN_SQL(row)                                                                            \
    row ".organization=$1::bytea AND (" row ".started_at, " row ".id)<($2::int8, $3::bytea)"       \
        " AND " row ".started_at>$4::int8"
#define WANTED_SQL                                                                                 \
    "((1 << r.status) & $5::int4<>0 AND ($6::bytea=''::bytea OR r.workflow_id=$6::bytea))"
#define NEWEST_FIRST_SQL(row)                                                                      \
    " ORDER BY " row ".organization DESC, " row ".started_at DESC, " row ".id DESC"

// A listing of the rows of source, which are in the list's order: each that is wanted, and the last
// one that is looked at. All of it goes row by row, so that a full page ends the scan; bytes are
// those of the bodies before.
#define LIST_SQL(source, where)                                                                    \
    "SELECT * FROM (SELECT r.nth, " WANTED_SQL ", " RUN_ROW_COLUMNS ", " RUN_BODY_COLUMNS          \
    ", coalesce(sum(" RUN_BODY_BYTES_SQL                                                           \
    ") OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes"                       \
    " FROM (SELECT s.*, row_number() OVER () AS nth FROM (" source                                 \
    ") AS s OFFSET 0) AS r" RUN_ROW_TERM_JOIN RUN_BODY_JOIN " WHERE (" WANTED_SQL                  \
    " OR r.nth=" SCAN_LIMIT_SQL ")" where ") AS l WHERE bytes<$8::int8 LIMIT $7::int8"

// Of the index that the conditions name. How many rows it may be the planner does not see: it would
// take it that all of them are wanted, and sort them.
#define SCAN_SQL(where, order)                                                                     \
    "SELECT run.* FROM run WHERE " WITHIN_SQL("run") where order " LIMIT (SELECT " SCAN_LIMIT_SQL  \
                                                                 ")"

static const struct pg_statement by_start = {"list_runs",
                                             LIST_SQL(SCAN_SQL("", NEWEST_FIRST_SQL("run")), "")};

static const struct pg_statement by_workflow = {
    "list_runs_of_workflow",
    LIST_SQL(SCAN_SQL(" AND run.workflow_id=$6::bytea",
                      " ORDER BY run.organization DESC, run.workflow_id DESC, run.started_at DESC,"
                      " run.id DESC"),
             "")};

static const struct pg_statement active = {
    "list_active_runs",
    LIST_SQL("SELECT run.* FROM (SELECT h.organization, h.id FROM run_active AS h"
             "  WHERE " WITHIN_SQL("h") NEWEST_FIRST_SQL(
                 "h") " LIMIT (SELECT " SCAN_LIMIT_SQL ")) AS k"
                      " CROSS JOIN LATERAL (SELECT * FROM run"
                      "  WHERE run.organization=k.organization AND run.id=k.id OFFSET 0) AS run",
             "")};
_Static_assert(RUN_STATUS_ACTIVE == (1u << 1 | 1u << 2), "the table run_active is of other ones");

// $9 who holds them.
static const struct pg_statement held = {
    "list_held_runs",
    LIST_SQL("SELECT run.* FROM (SELECT h.organization, h.id FROM run_term AS h"
             "  WHERE " WITHIN_SQL(
                 "h") " AND h.holder=$9::bytea AND h.holder<>''::bytea"
                      "  ORDER BY h.organization DESC, h.holder DESC, h.started_at DESC, h.id DESC"
                      "  LIMIT (SELECT " SCAN_LIMIT_SQL
                      ")) AS k CROSS JOIN LATERAL (SELECT * FROM run"
                      "  WHERE run.organization=k.organization AND run.id=k.id OFFSET 0) AS run",
             "")};

// $10 the ids.
static const struct pg_statement by_id = {
    "list_runs_by_id",
    LIST_SQL("SELECT run.* FROM (SELECT DISTINCT unnest($10::bytea[]) AS id) AS k"
             " CROSS JOIN LATERAL (SELECT * FROM run WHERE run.organization=$1::bytea"
             "  AND run.id=k.id OFFSET 0) AS run WHERE " WITHIN_SQL("run") NEWEST_FIRST_SQL("run"),
             " AND ($9::bytea=''::bytea OR t.holder=$9::bytea)")};

static const struct pg_statement newest_revision = {
    "list_runs_revision", "SELECT revision FROM organization WHERE name=$1::bytea"};

// Picks that of the index that has the fewest rows to look at.
static const struct pg_statement *list_statement(const struct store_list_runs *l) {
    if (l->id_count > 0) {
        return &by_id;
    }
    if (l->holder.len > 0) {
        return &held;
    }
    if ((l->status & ~RUN_STATUS_ACTIVE) == 0) {
        return &active;
    }
    return l->workflow_id.len > 0 ? &by_workflow : &by_start;
}

// The place that both bounds from above, the cursor and started_before_us, put the listing behind.
static struct store_cursor list_upper_bound(const struct store_list_runs *l) {
    if (l->has_cursor && l->cursor.started_at_us < l->started_before_us) {
        return l->cursor;
    }
    return (struct store_cursor){l->started_before_us, SLICE_EMPTY};
}

static void add_params(struct pg_params *params, const struct store_list_runs *l,
                       const struct pg_statement *statement) {
    struct store_cursor upper = list_upper_bound(l);
    pg_add_bytes(params, l->organization);
    pg_add_int8(params, upper.started_at_us);
    pg_add_bytes(params, upper.id);
    pg_add_int8(params, l->started_after_us);
    pg_add_int4(params, (int32_t)l->status);
    pg_add_bytes(params, l->workflow_id);
    pg_add_int8(params, (int64_t)l->limit + 1);
    pg_add_int8(params, BYTE_LIMIT);
    if (statement == &held || statement == &by_id) {
        pg_add_bytes(params, l->holder);
    }
    if (statement == &by_id) {
        pg_add_bytes_array(params, l->ids, l->id_count);
    }
}

// Asks for the organization's revision, and then for the runs: what is read in a later moment is
// no older than what the revision tells of.
static enum pg_outcome ask(struct pg_connection *c, struct arena *temporary,
                           const struct store_list_runs *l, const PGresult **ret_revision,
                           const PGresult **ret_runs) {
    struct pg_params organization;
    struct pg_params params;
    const struct pg_statement *statement = list_statement(l);
    pg_params_init(&organization, temporary);
    pg_add_bytes(&organization, l->organization);
    pg_params_init(&params, temporary);
    add_params(&params, l, statement);
    pg_queue(c, &newest_revision, &organization, ret_revision);
    pg_queue(c, statement, &params, ret_runs);
    return pg_sync(c);
}

static void set_more(struct store_list_runs *l, const struct run_record *last) {
    l->ret_has_more = true;
    l->ret_cursor = (struct store_cursor){last->started_at_us, last->id};
}

// Collects up to limit runs or the byte limit, and whether there is more, which one more row or a
// limit tells.
static enum pg_outcome collect(struct store_list_runs *l, const PGresult *result) {
    struct arena *a = l->op.arena;
    int rows = pg_row_count(result);
    int64_t bytes = 0;
    l->ret_runs = ARENA_ARRAY(a, struct run_record, rows);
    for (int row = 0; row < rows && !l->ret_has_more; row++) {
        struct run_record *run = &l->ret_runs[l->ret_count];
        if (l->ret_count == l->limit) {
            set_more(l, run - 1);
            break;
        }
        if (!run_row_read_whole(a, result, row, FIRST_OF_RUN, run, NULL)) {
            return pg_answer_damage(&l->op, "a run has no sound row, or no body");
        }
        bytes += run_body_bytes(run);
        if (bytes >= BYTE_LIMIT || pg_int(result, row, NTH) == SCAN_LIMIT) {
            set_more(l, run);
        }
        l->ret_count += pg_bool(result, row, IS_WANTED);
    }
    return PG_OK;
}

static enum pg_outcome read_op(struct pg_connection *c, struct arena *temporary,
                               struct store_op *op) {
    struct store_list_runs *l = CONTAINER_OF(op, struct store_list_runs, op);
    const PGresult *revision;
    const PGresult *runs;
    CHECK(l->limit >= 1);
    enum pg_outcome outcome = ask(c, temporary, l, &revision, &runs);
    if (outcome != PG_OK) {
        return outcome;
    }
    l->ret_count = 0;
    l->ret_has_more = false;
    l->ret_newest_revision = pg_row_count(revision) > 0 ? pg_int(revision, 0, 0) : 0;
    op->result = STORE_OK;
    return collect(l, runs);
}

const struct postgres_op postgres_list_runs = {.read = read_op, .is_long = true};
