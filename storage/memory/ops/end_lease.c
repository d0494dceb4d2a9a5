#include "storage/op/end_lease.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_end_lease *e = CONTAINER_OF(op, struct store_end_lease, op);
    struct memory_run *found = memory_tables_find_run(tables, e->organization, e->id);
    if (found == NULL) {
        return STORE_NOT_FOUND;
    }
    struct run_record after = found->record;
    bool is_ended = store_end_lease_apply(e, &after);
    e->ret_left_us = 0;
    e->ret_is_stale = found->record.attempt != e->attempt;
    e->ret_revision =
        is_ended ? memory_tables_change(tables, found, &after, e->kind, &e->cause) : 0;
    e->ret = run_record_copy(op->arena, &found->record);
    return is_ended ? STORE_OK : STORE_CONFLICT;
}

const struct memory_op memory_end_lease = {.run = run};
