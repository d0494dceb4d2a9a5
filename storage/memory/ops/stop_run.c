#include "storage/op/stop_run.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_stop_run *s = CONTAINER_OF(op, struct store_stop_run, op);
    struct memory_run *found = memory_tables_find_run(tables, s->organization, s->id);
    if (found == NULL) {
        return STORE_NOT_FOUND;
    }
    struct run_record after = found->record;
    bool is_stopped = store_stop_run_apply(s, &after);
    s->ret_is_stale = found->record.attempt != s->attempt;
    s->ret_revision = 0;
    if (after.sequence != found->record.sequence) {
        s->ret_revision = memory_tables_change(tables, found, &after, STORE_EVENT_STOP, &s->cause);
    }
    s->ret = run_record_copy(op->arena, &found->record);
    return is_stopped ? STORE_OK : STORE_CONFLICT;
}

const struct memory_op memory_stop_run = {.run = run};
