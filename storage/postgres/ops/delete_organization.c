#include "storage/op/delete_organization.h"

#include "base/core/check.h"
#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"
#include "storage/postgres/run_deletion.h"

// How many runs one step looks at.
enum { MOST_RUNS = 256 };

static const struct pg_statement has_tokens = {
    "erase_has_tokens", "SELECT EXISTS(SELECT 1 FROM token WHERE organization=$1::bytea)"};

static const struct pg_statement find_runs = {
    "erase_find_runs",
    "SELECT id FROM run WHERE organization=$1::bytea ORDER BY id LIMIT $2::int4"};

static const struct pg_statement find_job = {
    "erase_find_job",
    "SELECT bulk_key, id FROM bulk WHERE organization=$1::bytea ORDER BY id LIMIT 1 FOR UPDATE"};

// A job is not there any more from the first of its items on: its counts are no longer theirs.
static const struct pg_statement leave_job = {"erase_leave_job",
                                              "UPDATE bulk SET state=6 WHERE bulk_key=$1::int8"};

static const struct pg_statement delete_items = {
    "erase_items", "DELETE FROM bulk_item WHERE bulk_key=$1::int8 AND id IN (SELECT id"
                   " FROM bulk_item WHERE bulk_key=$1::int8 ORDER BY id LIMIT $2::int4)"};

static const struct pg_statement delete_job = {"erase_job",
                                               "DELETE FROM bulk WHERE bulk_key=$1::int8"};

// Deletes up to $2 rows of the organization $1 of a table, by the columns of its key.
#define ERASE_SQL(table, key)                                                                      \
    "DELETE FROM " table " WHERE organization=$1::bytea AND (" key ") IN (SELECT " key             \
    " FROM " table " WHERE organization=$1::bytea ORDER BY " key " LIMIT $2::int4)"

// What tells of earlier deletions: there is no run any more.
static const struct pg_statement erase_events = {"erase_events", ERASE_SQL("event", "revision")};
static const struct pg_statement erase_tokens = {
    "erase_tokens",
    "WITH changed AS (" ERASE_SQL(
        "token", "name") " RETURNING name), counted AS ("
                         "UPDATE store SET token_changes=token_changes+1"
                         " WHERE EXISTS(SELECT 1 FROM changed)) SELECT name FROM changed"};
static const struct pg_statement erase_parents = {"erase_parents", ERASE_SQL("run_parent", "id")};
static const struct pg_statement erase_renewals = {"erase_renewals",
                                                   ERASE_SQL("lease_renewal", "id")};
static const struct pg_statement erase_counts = {"erase_counts",
                                                 ERASE_SQL("run_count", "workflow_id")};
// Of changes without an event, which no run leads to.
static const struct pg_statement erase_keys = {
    "erase_keys", "DELETE FROM idempotency WHERE name IN (SELECT name FROM idempotency"
                  " WHERE organization=$1::bytea ORDER BY target LIMIT $2::int4)"};

// A step, and how much it may still delete.
struct step {
    struct work *work;
    struct store_delete_organization *d;
    struct work_organization *which;
    int left;
};

static void want(struct work *work, struct store_op *op) {
    const struct store_delete_organization *d =
        CONTAINER_OF(op, struct store_delete_organization, op);
    work_want_organization(work, d->name, false);
}

// Runs the statement with the organization and a number.
static enum pg_outcome run_some(struct step *t, const struct pg_statement *statement, int number,
                                const PGresult **ret) {
    struct pg_params p;
    pg_params_init(&p, work_arena(t->work));
    pg_add_bytes(&p, t->d->name);
    pg_add_int4(&p, number);
    return pg_run(work_connection(t->work), statement, &p, ret);
}

// Deletes those of the runs for which there is room, which are loaded.
static enum pg_outcome delete_loaded(struct step *t, const struct slice *ids, int count) {
    int64_t events = 0;
    int deleted = 0;
    for (; deleted < count && events < PG_MOST_DELETED_EVENTS; deleted++) {
        struct work_run *run = work_find_run(t->work, t->d->name, ids[deleted]);
        events += run->record.sequence;
        work_delete_run(t->work, run);
    }
    t->d->ret_deleted += deleted;
    return pg_run_deletion_follow(t->work, t->d->name, ids, deleted);
}

// There may be more runs: where there was one nothing else goes in this step.
static enum pg_outcome delete_runs(struct step *t) {
    const PGresult *found;
    int capacity = t->left < MOST_RUNS ? t->left : MOST_RUNS;
    enum pg_outcome outcome = run_some(t, &find_runs, capacity, &found);
    int count = outcome == PG_OK ? pg_row_count(found) : 0;
    if (count == 0) {
        return outcome;
    }
    struct slice *ids = ARENA_ARRAY(work_arena(t->work), struct slice, count);
    for (int i = 0; i < count; i++) {
        ids[i] = pg_copy(work_arena(t->work), found, i, 0);
        work_want_bare_run(t->work, t->d->name, ids[i]);
    }
    t->left = 0;
    outcome = work_load(t->work);
    return outcome == PG_OK ? delete_loaded(t, ids, count) : outcome;
}

// Deletes items of the job of key, and the job if it has no more than there is room for.
static enum pg_outcome delete_one_job(struct step *t, int64_t key, struct slice id) {
    struct pg_connection *c = work_connection(t->work);
    struct pg_params p;
    const PGresult *deleted;
    pg_params_init(&p, work_arena(t->work));
    pg_add_int8(&p, key);
    pg_queue(c, &leave_job, &p, NULL);
    pg_run_deletion_queue_keys(t->work, WORK_KEY_OF_BULK, t->d->name, &id, 1);
    pg_add_int4(&p, t->left);
    enum pg_outcome outcome = pg_run(c, &delete_items, &p, &deleted);
    int gone = outcome == PG_OK ? (int)pg_touched(deleted) : 0;
    if (outcome == PG_OK && gone < t->left) {
        pg_params_init(&p, work_arena(t->work));
        pg_add_int8(&p, key);
        pg_queue(c, &delete_job, &p, NULL);
        gone++;
    }
    t->left -= gone;
    return outcome;
}

static enum pg_outcome delete_jobs(struct step *t) {
    enum pg_outcome outcome = PG_OK;
    bool has_more = true;
    while (outcome == PG_OK && has_more && t->left > 0) {
        struct pg_params p;
        const PGresult *found;
        pg_params_init(&p, work_arena(t->work));
        pg_add_bytes(&p, t->d->name);
        outcome = pg_run(work_connection(t->work), &find_job, &p, &found);
        has_more = outcome == PG_OK && pg_row_count(found) > 0;
        if (has_more) {
            outcome = delete_one_job(t, pg_int(found, 0, 0), pg_bytes(found, 0, 1));
        }
    }
    return outcome;
}

// Deletes as many rows as there is room for.
static enum pg_outcome erase(struct step *t, const struct pg_statement *statement) {
    const PGresult *erased;
    enum pg_outcome outcome = run_some(t, statement, t->left, &erased);
    if (outcome == PG_OK) {
        t->left -= (int)pg_touched(erased);
    }
    return outcome;
}

// Deletes what is left, one kind after the other, as long as there is room. Nobody reads the feed
// of it any more: the floor is the newest revision before anything goes.
static enum pg_outcome delete_some(struct step *t) {
    const struct pg_statement *const before[] = {&erase_events};
    const struct pg_statement *const behind[] = {&erase_tokens, &erase_parents, &erase_renewals,
                                                 &erase_counts, &erase_keys};
    t->which->floor = t->which->revision;
    enum pg_outcome outcome = delete_runs(t);
    for (size_t i = 0; outcome == PG_OK && t->left > 0 && i < sizeof(before) / sizeof(before[0]);
         i++) {
        outcome = erase(t, before[i]);
    }
    if (outcome == PG_OK && t->left > 0) {
        outcome = delete_jobs(t);
    }
    for (size_t i = 0; outcome == PG_OK && t->left > 0 && i < sizeof(behind) / sizeof(behind[0]);
         i++) {
        outcome = erase(t, behind[i]);
    }
    if (outcome == PG_OK && t->left > 0) {
        t->d->ret_is_done = true;
        t->which->frozen_at_us = 0;
    }
    work_change_organization(t->work, t->which);
    return outcome;
}

// Whether there is such an organization, as storage/op/freeze_organization.h has it.
static enum pg_outcome look_for(struct step *t, bool *ret_is_there) {
    *ret_is_there = t->which->is_there || t->which->frozen_at_us != 0;
    if (*ret_is_there) {
        return PG_OK;
    }
    struct pg_params p;
    const PGresult *found;
    pg_params_init(&p, work_arena(t->work));
    pg_add_bytes(&p, t->d->name);
    enum pg_outcome outcome = pg_run(work_connection(t->work), &has_tokens, &p, &found);
    *ret_is_there = outcome == PG_OK && pg_bool(found, 0, 0);
    return outcome;
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_delete_organization *d = CONTAINER_OF(op, struct store_delete_organization, op);
    CHECK(d->most >= 1);
    struct step t = {
        .work = work, .d = d, .which = work_find_organization(work, d->name), .left = d->most};
    bool is_there = false;
    d->ret_deleted = 0;
    d->ret_is_done = false;
    enum pg_outcome outcome = look_for(&t, &is_there);
    op->result = is_there ? STORE_CONFLICT : STORE_NOT_FOUND;
    if (outcome == PG_OK && is_there && t.which->frozen_at_us != 0) {
        op->result = STORE_OK;
        outcome = delete_some(&t);
    }
    return outcome;
}

const struct postgres_op postgres_delete_organization = {
    .want = want, .decide = decide, .is_alone = true};
