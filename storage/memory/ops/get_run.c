#include "storage/op/get_run.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_get_run *g = CONTAINER_OF(op, struct store_get_run, op);
    const struct memory_run *found = memory_tables_find_run(tables, g->organization, g->id);
    if (found == NULL) {
        return STORE_NOT_FOUND;
    }
    g->ret = run_record_copy(op->arena, &found->record);
    return STORE_OK;
}

const struct memory_op memory_get_run = {.run = run};
