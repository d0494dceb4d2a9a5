#include "storage/op/create_run.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_create_run *c = CONTAINER_OF(op, struct store_create_run, op);
    struct run_record record = store_create_run_record(c, 0);
    struct memory_run *added = memory_tables_add_run(tables, &record);
    if (added == NULL) {
        return STORE_EXISTS;
    }
    c->ret_revision = memory_tables_add_creation(tables, added, c->in.holder, &c->cause);
    c->ret = record;
    c->ret.workflow_id = SLICE_EMPTY;
    return STORE_OK;
}

const struct memory_op memory_create_run = {.run = run};
