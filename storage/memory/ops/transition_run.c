#include "storage/op/transition_run.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_transition_run *t = CONTAINER_OF(op, struct store_transition_run, op);
    struct memory_run *found = memory_tables_find_run(tables, t->organization, t->id);
    if (found == NULL) {
        return STORE_NOT_FOUND;
    }
    struct run_record before = found->record;
    struct run_record after = before;
    bool is_taken = store_transition_run_apply(t, &after);
    if (is_taken && t->given != 0) {
        memory_tables_set_fields(found, &after.fields);
    }
    t->ret_revision = 0;
    t->ret_is_stale = store_transition_run_is_stale(t, &before);
    if (after.sequence != before.sequence) {
        t->ret_revision =
            memory_tables_change(tables, found, &after, STORE_EVENT_TRANSITION, &t->cause);
    }
    t->ret = memory_tables_copy_run(op->arena, &found->record);
    return is_taken ? STORE_OK : STORE_CONFLICT;
}

const struct memory_op memory_transition_run = {.run = run};
