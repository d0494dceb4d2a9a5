#include "storage/op/list_events.h"

#include "base/core/check.h"
#include "storage/postgres/event_row.h"
#include "storage/postgres/postgres_op.h"

// The newest first. Events from before the run's creation are of runs of that id that were deleted.
static const struct pg_statement select_events = {
    "list_events",
    "SELECT " EVENT_ROW_COLUMNS " FROM run AS r"
    " CROSS JOIN LATERAL (SELECT * FROM event WHERE event.organization=r.organization"
    "  AND event.id=r.id AND event.revision>=r.created_revision"
    "  ORDER BY event.organization DESC, event.id DESC, event.revision DESC LIMIT $3::int8) AS e"
    " WHERE r.organization=$1::bytea AND r.id=$2::bytea",
};

static enum pg_outcome read_op(struct pg_connection *c, struct arena *temporary,
                               struct store_op *op) {
    struct store_list_events *e = CONTAINER_OF(op, struct store_list_events, op);
    struct pg_params params;
    const PGresult *result;
    CHECK(e->limit >= 1);
    pg_params_init(&params, temporary);
    pg_add_bytes(&params, e->organization);
    pg_add_bytes(&params, e->id);
    pg_add_int8(&params, e->limit);
    enum pg_outcome outcome = pg_run(c, &select_events, &params, &result);
    if (outcome != PG_OK) {
        return outcome;
    }
    int count = pg_row_count(result); // every run has the event of its creation
    op->result = count > 0 ? STORE_OK : STORE_NOT_FOUND;
    e->ret_count = count;
    e->ret_events = ARENA_ARRAY(op->arena, struct run_event, count);
    for (int i = 0; i < count; i++) {
        e->ret_events[count - 1 - i] = pg_event_row_read(op->arena, result, i, 0);
    }
    return PG_OK;
}

const struct postgres_op postgres_list_events = {.read = read_op};
