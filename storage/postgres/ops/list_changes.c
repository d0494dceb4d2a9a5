#include "storage/op/list_changes.h"

#include "storage/postgres/damage.h"
#include "storage/postgres/event_row.h"
#include "storage/postgres/postgres_op.h"
#include "storage/postgres/run_row.h"

// The columns before those of the event, and those of the run behind it.
enum { NEWEST, FLOOR, ID, WORKFLOW_ID, FIRST_OF_EVENT };
enum { FIRST_OF_RUN = FIRST_OF_EVENT + EVENT_ROW_COLUMN_COUNT };

// $1 the organization, $2 behind which revision, $3 how many events. One statement sees one
// moment: in it are all events from the organization's floor to its revision. Where there is none
// to return, one row has the first two columns alone.
#define LIST_SQL(columns, joins)                                                                   \
    "SELECT o.revision, o.floor_revision, e.id, e.workflow_id, " EVENT_ROW_COLUMNS columns         \
    " FROM organization AS o LEFT JOIN LATERAL (SELECT * FROM event"                               \
    "  WHERE event.organization=o.name AND event.revision>$2::int8"                                \
    "  AND $2::int8>=o.floor_revision ORDER BY event.organization, event.revision"                 \
    "  LIMIT $3::int8) AS e ON true" joins " WHERE o.name=$1::bytea"

static const struct pg_statement select_events = {"list_changes", LIST_SQL("", "")};

// Bodies may be large: those alone are read that are within what one answer may have. A run of the
// same id that was created later is not that of the event.
static const struct pg_statement select_runs = {
    "list_changes_with_runs",
    "SELECT * FROM (" LIST_SQL(
        ", " RUN_ROW_COLUMNS ", " RUN_BODY_COLUMNS ", coalesce(sum(" RUN_BODY_BYTES_SQL
        ") OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes",
        " LEFT JOIN LATERAL (SELECT * FROM run WHERE run.organization=e.organization"
        "  AND run.id=e.id AND run.created_revision<=e.revision OFFSET 0) AS r"
        " ON true" RUN_ROW_TERM_JOIN RUN_BODY_JOIN) ") AS c WHERE bytes<$4::int8",
};

static enum pg_outcome ask(struct pg_connection *c, struct arena *temporary,
                           const struct store_list_changes *l, const PGresult **ret_result) {
    struct pg_params params;
    int64_t most = l->limit < STORE_MOST_CHANGES ? l->limit : STORE_MOST_CHANGES;
    pg_params_init(&params, temporary);
    pg_add_bytes(&params, l->organization);
    pg_add_int8(&params, l->after_revision);
    pg_add_int8(&params, most > 0 ? most : 0);
    if (l->with_runs) {
        pg_add_int8(&params, STORE_CHANGES_BYTES);
    }
    return pg_run(c, l->with_runs ? &select_runs : &select_events, &params, ret_result);
}

// Reads the change of the row; false: it is not that of revision, or its run has no sound row.
static bool read_change(const struct store_list_changes *l, const PGresult *result, int row,
                        int64_t revision, struct store_change *ret) {
    struct arena *a = l->op.arena;
    *ret = (struct store_change){
        .run_id = pg_copy(a, result, row, ID),
        .event = pg_event_row_read(a, result, row, FIRST_OF_EVENT),
    };
    if (l->with_workflow) {
        ret->workflow_id = pg_copy(a, result, row, WORKFLOW_ID);
    }
    if (pg_is_null(result, row, ID) || ret->event.revision != revision) {
        return false;
    }
    return !l->with_runs || pg_is_null(result, row, FIRST_OF_RUN) ||
           run_row_read_whole(a, result, row, FIRST_OF_RUN, &ret->run, NULL);
}

// Reads the changes, up to those that would be too much.
static enum pg_outcome read_changes(struct store_list_changes *l, const PGresult *result) {
    int most = l->ret_count < pg_row_count(result) ? l->ret_count : pg_row_count(result);
    size_t bytes = 0;
    l->ret_changes = ARENA_ARRAY(l->op.arena, struct store_change, most);
    l->ret_count = 0;
    while (l->ret_count < most && bytes < STORE_CHANGES_BYTES) {
        struct store_change *change = &l->ret_changes[l->ret_count];
        if (!read_change(l, result, l->ret_count, l->after_revision + l->ret_count + 1, change)) {
            return pg_answer_damage(&l->op, "a feed has a gap, or a run no sound row or no body");
        }
        bytes += store_change_bytes(change);
        l->ret_count++;
    }
    return PG_OK;
}

static enum pg_outcome read_op(struct pg_connection *c, struct arena *temporary,
                               struct store_op *op) {
    struct store_list_changes *l = CONTAINER_OF(op, struct store_list_changes, op);
    const PGresult *result;
    enum pg_outcome outcome = ask(c, temporary, l, &result);
    if (outcome != PG_OK) {
        return outcome;
    }
    bool is_there = pg_row_count(result) > 0;
    op->result = store_list_changes_begin(l, is_there ? pg_int(result, 0, NEWEST) : 0,
                                          is_there ? pg_int(result, 0, FLOOR) : 0);
    return l->ret_count > 0 ? read_changes(l, result) : PG_OK;
}

const struct postgres_op postgres_list_changes = {.read = read_op};
