#include "storage/op/create_run.h"

#include "storage/memory/memory_family.h"
#include "storage/memory/memory_op.h"

// Answers what was answered before, with the run of id as it is now.
static enum store_result replay(const struct memory_tables *tables, struct store_create_run *c,
                                struct slice id) {
    const struct memory_run *found = memory_tables_find_run(tables, c->in.organization, id);
    c->ret = run_record_copy(c->op.arena, &found->record);
    c->ret_revision = 0;
    c->ret_is_replayed = true;
    return STORE_OK;
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_create_run *c = CONTAINER_OF(op, struct store_create_run, op);
    struct slice id;
    enum idempotency_match match = memory_keys_find(&tables->keys, &c->idempotency, &id);
    if (match != IDEMPOTENCY_NEW) {
        return match == IDEMPOTENCY_SAME ? replay(tables, c, id) : STORE_KEY_REUSED;
    }
    struct run_record record = store_create_run_record(c, tables->attempt_floor);
    c->ret_parent = PARENT_SOUND;
    c->ret_ancestor = SLICE_EMPTY;
    if (memory_tables_find_run(tables, c->in.organization, c->in.id) != NULL) {
        return STORE_EXISTS;
    }
    memory_family_check(tables, c);
    if (c->ret_parent != PARENT_SOUND) {
        return STORE_CONFLICT;
    }
    c->ret_excess = EXCESS_NONE;
    if (store_quota_limits(&c->quota)) { // else not all runs are looked at for nothing
        c->ret_use = memory_tables_use(tables, c->in.organization);
        c->ret_excess = store_quota_excess(&c->quota, &c->ret_use, &record);
    }
    if (c->ret_excess != EXCESS_NONE) {
        return STORE_OVER_QUOTA;
    }
    struct memory_run *added = memory_tables_add_run(tables, &record);
    memory_family_join(tables, added, c->parent_id);
    c->ret_revision = memory_tables_add_creation(tables, added, c->in.holder, &c->cause);
    memory_keys_note(&tables->keys, &c->idempotency, MEMORY_KEY_OF_RUN, record.organization,
                     record.id, record.started_at_us);
    c->ret = record;
    c->ret.workflow_id = SLICE_EMPTY;
    c->ret_is_replayed = false;
    return STORE_OK;
}

const struct memory_op memory_create_run = {.run = run};
