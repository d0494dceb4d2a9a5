#include "storage/op/create_run.h"

#include "storage/postgres/family.h"
#include "storage/postgres/postgres_op.h"

static void want(struct work *work, struct store_op *op) {
    struct store_create_run *c = CONTAINER_OF(op, struct store_create_run, op);
    work_want_organization(work, c->in.organization, true);
    work_want_key(work, &c->idempotency);
    work_want_run(work, c->in.organization, c->in.id);
}

// Answers what was answered before, with the run as it is now.
static enum store_result replay(struct store_create_run *c, const struct work_run *run) {
    c->ret = run_record_copy(c->op.arena, &run->record);
    c->ret_revision = 0;
    c->ret_is_replayed = true;
    return STORE_OK;
}

// Whether the organization may have the run, too.
static bool has_room(const struct work_organization *organization, struct store_create_run *c,
                     const struct run_record *record) {
    c->ret_use =
        (struct store_use){store_open_runs(organization->runs), organization->stored_bytes};
    c->ret_excess = store_quota_excess(&c->quota, &c->ret_use, record);
    return c->ret_excess == EXCESS_NONE;
}

static enum store_result create(struct work *work, struct store_create_run *c) {
    struct work_organization *organization = work_find_organization(work, c->in.organization);
    struct run_record record = store_create_run_record(c, organization->attempt_floor);
    if (!has_room(organization, c, &record)) {
        return STORE_OVER_QUOTA;
    }
    work_add_run(work, &record, c->parent_id, c->in.holder, &c->cause, &c->ret_revision);
    work_note_key(work, &c->idempotency, WORK_KEY_OF_RUN, record.organization, record.id,
                  record.started_at_us);
    c->ret = record;
    c->ret.workflow_id = SLICE_EMPTY;
    c->ret_is_replayed = false;
    return STORE_OK;
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_create_run *c = CONTAINER_OF(op, struct store_create_run, op);
    struct slice id;
    enum idempotency_match match = work_find_key(work, &c->idempotency, &id);
    if (match == IDEMPOTENCY_OTHER) {
        op->result = STORE_KEY_REUSED;
        return PG_OK;
    }
    const struct work_run *before =
        match == IDEMPOTENCY_SAME ? work_find_run(work, c->in.organization, id) : NULL;
    if (before != NULL) {
        op->result = replay(c, before);
        return PG_OK;
    }
    c->ret_parent = PARENT_SOUND;
    c->ret_ancestor = SLICE_EMPTY;
    c->ret_excess = EXCESS_NONE;
    if (work_find_run(work, c->in.organization, c->in.id) != NULL) {
        op->result = STORE_EXISTS;
        return PG_OK;
    }
    enum pg_outcome outcome = c->parent_id.len > 0 ? pg_family_check(work, c) : PG_OK;
    if (outcome == PG_OK) {
        op->result = c->ret_parent == PARENT_SOUND ? create(work, c) : STORE_CONFLICT;
    }
    return outcome;
}

const struct postgres_op postgres_create_run = {.want = want, .decide = decide};
