#include "storage/op/trim_bulks.h"

#include "base/core/check.h"
#include "storage/postgres/bulk_row.h"
#include "storage/postgres/postgres_op.h"
#include "storage/postgres/run_deletion.h"

// Jobs that are to go. One that another transaction has locked is left for a later time: it is
// being removed by another server, or executed.
#define FIND_SQL(which, order)                                                                     \
    "SELECT bulk_key, organization, id FROM bulk WHERE " which " ORDER BY " order                  \
    " LIMIT 1 FOR UPDATE SKIP LOCKED"

static const struct pg_statement find_leaving = {"bulk_find_leaving",
                                                 FIND_SQL("state=6", "bulk_key")};
static const struct pg_statement find_ended = {
    "bulk_find_ended", FIND_SQL("state IN (4, 5) AND finished_at<$1::int8", "finished_at")};
static const struct pg_statement find_planned = {
    "bulk_find_planned", FIND_SQL("state=2 AND created_at<$1::int8", "created_at")};

static const struct pg_statement leave = {"bulk_leave",
                                          "UPDATE bulk SET state=6 WHERE bulk_key=$1::int8"};

static const struct pg_statement delete_items = {
    "bulk_delete_items", "DELETE FROM bulk_item WHERE bulk_key=$1::int8 AND id IN (SELECT id"
                         " FROM bulk_item WHERE bulk_key=$1::int8 ORDER BY id LIMIT $2::int4)"};

static const struct pg_statement delete_job = {"bulk_delete",
                                               "DELETE FROM bulk WHERE bulk_key=$1::int8"};

// Sets *ret to the job that the statement finds, which takes the bound if it is not NULL; 0: there
// is none. It leaves, if it has not begun to.
static enum pg_outcome find(struct work *work, const struct pg_statement *statement,
                            const int64_t *bound, int64_t *ret) {
    struct pg_params p;
    const PGresult *found;
    pg_params_init(&p, work_arena(work));
    if (bound != NULL) {
        pg_add_int8(&p, *bound);
    }
    enum pg_outcome outcome = pg_run(work_connection(work), statement, &p, &found);
    bool is_found = outcome == PG_OK && pg_row_count(found) > 0;
    *ret = is_found ? pg_int(found, 0, 0) : 0;
    if (is_found && bound != NULL) {
        struct slice id = pg_bytes(found, 0, 2);
        pg_params_init(&p, work_arena(work));
        pg_add_int8(&p, *ret);
        pg_queue(work_connection(work), &leave, &p, NULL);
        pg_run_deletion_queue_keys(work, WORK_KEY_OF_BULK, pg_bytes(found, 0, 1), &id, 1);
    }
    return outcome;
}

static enum pg_outcome find_job(struct work *work, const struct store_trim_bulks *t, int64_t *ret) {
    enum pg_outcome outcome = find(work, &find_leaving, NULL, ret);
    if (outcome == PG_OK && *ret == 0) {
        outcome = find(work, &find_ended, &t->finished_before_us, ret);
    }
    if (outcome == PG_OK && *ret == 0) {
        outcome = find(work, &find_planned, &t->planned_before_us, ret);
    }
    return outcome;
}

// Removes items of the job, and the job if it has no more than there is room for.
static enum pg_outcome remove_job(struct work *work, struct store_trim_bulks *t, int64_t key) {
    int room = t->limit - t->ret_count;
    struct pg_params p;
    const PGresult *deleted;
    pg_params_init(&p, work_arena(work));
    pg_add_int8(&p, key);
    pg_add_int4(&p, room);
    enum pg_outcome outcome = pg_run(work_connection(work), &delete_items, &p, &deleted);
    if (outcome != PG_OK) {
        return outcome;
    }
    int gone = (int)pg_touched(deleted);
    t->ret_count += gone;
    if (gone < room) {
        pg_params_init(&p, work_arena(work));
        pg_add_int8(&p, key);
        pg_queue(work_connection(work), &delete_job, &p, NULL);
        t->ret_count++;
    }
    return PG_OK;
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_trim_bulks *t = CONTAINER_OF(op, struct store_trim_bulks, op);
    enum pg_outcome outcome = PG_OK;
    int64_t key = 1;
    CHECK(t->limit >= 1);
    t->ret_count = 0;
    while (outcome == PG_OK && key != 0 && t->ret_count < t->limit) {
        outcome = find_job(work, t, &key);
        if (outcome == PG_OK && key != 0) {
            outcome = remove_job(work, t, key);
        }
    }
    t->ret_has_more = key != 0;
    op->result = STORE_OK;
    return outcome;
}

const struct postgres_op postgres_trim_bulks = {.decide = decide, .is_alone = true};
