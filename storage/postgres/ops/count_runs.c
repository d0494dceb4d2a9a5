#include "storage/op/count_runs.h"

#include "base/core/check.h"
#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"

// In the order of enum run_status.
#define COUNTS_SQL "running, waiting, success, failure, cancelled"
_Static_assert(RUN_RUNNING == 1 && RUN_CANCELLED == RUN_STATUS_COUNT - 1, "each has a column");

static const struct pg_statement of_organization = {
    "count_runs", "SELECT " COUNTS_SQL " FROM organization WHERE name=$1::bytea"};

static const struct pg_statement of_workflow = {
    "count_runs_of_workflow",
    "SELECT " COUNTS_SQL ", workflow_id FROM run_count WHERE organization=$1::bytea"
    " AND workflow_id=$2::bytea"};

// $2 the workflow that they are behind if $3; $4 how many and one more.
static const struct pg_statement by_workflow = {
    "count_runs_by_workflow",
    "SELECT " COUNTS_SQL ", workflow_id FROM run_count WHERE organization=$1::bytea"
    " AND workflow_id>=$2::bytea AND (NOT $3::bool OR workflow_id<>$2::bytea)"
    " ORDER BY organization, workflow_id LIMIT $4::int8"};

enum { WORKFLOW_ID = RUN_STATUS_COUNT - 1 };

// Returns whether any is not 0.
static bool read_counts(const PGresult *result, int row, int64_t *ret) {
    bool has_runs = false;
    for (int status = 1; status < RUN_STATUS_COUNT; status++) {
        ret[status] = pg_int(result, row, status - 1);
        has_runs = has_runs || ret[status] != 0;
    }
    return has_runs;
}

// Returns of the first count rows those that have runs.
static void take_workflows(struct store_count_runs *r, const PGresult *result, int count) {
    r->ret_workflows = ARENA_ARRAY(r->op.arena, struct store_workflow_count, count);
    for (int row = 0; row < count; row++) {
        struct store_workflow_count *w = &r->ret_workflows[r->ret_count];
        *w = (struct store_workflow_count){.workflow_id = SLICE_EMPTY};
        if (read_counts(result, row, w->runs)) {
            w->workflow_id = pg_copy(r->op.arena, result, row, WORKFLOW_ID);
            r->ret_count++;
        }
    }
}

static enum pg_outcome count_one(struct pg_connection *c, struct arena *temporary,
                                 struct store_count_runs *r) {
    struct pg_params params;
    const PGresult *result;
    pg_params_init(&params, temporary);
    pg_add_bytes(&params, r->organization);
    pg_add_bytes(&params, r->workflow_id);
    enum pg_outcome outcome = pg_run(c, &of_workflow, &params, &result);
    if (outcome == PG_OK && pg_row_count(result) > 0) {
        read_counts(result, 0, r->ret_runs);
        take_workflows(r, result, r->by_workflow ? 1 : 0);
    }
    return outcome;
}

static void queue_workflows(struct pg_connection *c, struct arena *temporary,
                            const struct store_count_runs *r, const PGresult **ret_result) {
    struct pg_params params;
    pg_params_init(&params, temporary);
    pg_add_bytes(&params, r->organization);
    pg_add_bytes(&params, r->has_cursor ? r->cursor : SLICE_EMPTY);
    pg_add_bool(&params, r->has_cursor);
    pg_add_int8(&params, (int64_t)r->limit + 1);
    pg_queue(c, &by_workflow, &params, ret_result);
}

static enum pg_outcome count_all(struct pg_connection *c, struct arena *temporary,
                                 struct store_count_runs *r) {
    struct pg_params params;
    const PGresult *organization;
    const PGresult *workflows = NULL;
    pg_params_init(&params, temporary);
    pg_add_bytes(&params, r->organization);
    pg_queue(c, &of_organization, &params, &organization);
    if (r->by_workflow) {
        queue_workflows(c, temporary, r, &workflows);
    }
    enum pg_outcome outcome = pg_sync(c);
    if (outcome == PG_OK && pg_row_count(organization) > 0) {
        read_counts(organization, 0, r->ret_runs);
    }
    if (outcome == PG_OK && r->by_workflow) {
        int rows = pg_row_count(workflows);
        r->ret_has_more = rows > r->limit;
        take_workflows(r, workflows, r->ret_has_more ? r->limit : rows);
        r->ret_cursor = r->ret_has_more ? pg_copy(r->op.arena, workflows, r->limit - 1, WORKFLOW_ID)
                                        : SLICE_EMPTY;
    }
    return outcome;
}

static enum pg_outcome read_op(struct pg_connection *c, struct arena *temporary,
                               struct store_op *op) {
    struct store_count_runs *r = CONTAINER_OF(op, struct store_count_runs, op);
    CHECK(r->limit >= 1 || !r->by_workflow);
    memset(r->ret_runs, 0, sizeof(r->ret_runs));
    r->ret_workflows = NULL;
    r->ret_count = 0;
    r->ret_has_more = false;
    op->result = STORE_OK;
    return r->workflow_id.len > 0 ? count_one(c, temporary, r) : count_all(c, temporary, r);
}

const struct postgres_op postgres_count_runs = {.read = read_op};
