#include "storage/op/delete_run.h"

#include "storage/memory/memory_family.h"
#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_delete_run *d = CONTAINER_OF(op, struct store_delete_run, op);
    struct memory_run *found = memory_tables_find_run(tables, d->organization, d->id);
    if (found == NULL) {
        return STORE_NOT_FOUND;
    }
    d->ret = run_record_copy(op->arena, &found->record);
    d->ret_revision = 0;
    d->ret_is_pending = false;
    if (run_status_is_active(found->record.status)) {
        return STORE_CONFLICT;
    }
    struct run_record gone = store_delete_run_record(d, &found->record);
    d->ret_revision = memory_tables_bury_run(tables, found, &gone, &d->cause);
    memory_family_leave(tables, d->organization, d->id, found->parent_id);
    return STORE_OK;
}

const struct memory_op memory_delete_run = {.run = run};
