#include "storage/op/create_run.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_create_run *c = CONTAINER_OF(op, struct store_create_run, op);
    struct run_record record = c->in;
    record.updated_at_us = record.started_at_us;
    record.finished_at_us = 0;
    record.sequence = 1;
    struct memory_run *added = memory_tables_add_run(tables, &record);
    if (added == NULL) {
        return STORE_EXISTS;
    }
    memory_tables_add_event(added, 0, c->actor, c->reason);
    c->ret = record;
    return STORE_OK;
}

const struct memory_op memory_create_run = {.run = run};
