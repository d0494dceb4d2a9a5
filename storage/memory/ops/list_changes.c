#include "storage/op/list_changes.h"

#include "storage/memory/memory_op.h"

static struct store_change copy_change(const struct store_list_changes *c,
                                       const struct memory_event *e) {
    const struct run_record *run = &e->run->record;
    struct store_change change = {
        .run_id = arena_copy(c->op.arena, run->id),
        .event = memory_tables_copy_event(c->op.arena, &e->event),
    };
    if (c->with_workflow) {
        change.workflow_id = arena_copy(c->op.arena, run->workflow_id);
    }
    if (c->with_runs && !e->run->is_gone) {
        change.run = run_record_copy(c->op.arena, run);
    }
    return change;
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_list_changes *c = CONTAINER_OF(op, struct store_list_changes, op);
    const struct memory_organization *o = memory_tables_find_organization(tables, c->organization);
    enum store_result result =
        store_list_changes_begin(c, o != NULL ? o->revision : 0, o != NULL ? o->floor : 0);
    if (c->ret_count == 0) {
        return result;
    }
    c->ret_changes = ARENA_ARRAY(op->arena, struct store_change, c->ret_count);
    size_t bytes = 0;
    int count = 0;
    while (count < c->ret_count && bytes < STORE_CHANGES_BYTES) {
        c->ret_changes[count] = copy_change(c, o->events[c->after_revision + count]);
        bytes += store_change_bytes(&c->ret_changes[count]);
        count++;
    }
    c->ret_count = count;
    return result;
}

const struct memory_op memory_list_changes = {.run = run};
