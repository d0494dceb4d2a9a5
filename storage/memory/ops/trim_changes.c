#include "storage/op/trim_changes.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_trim_changes *t = CONTAINER_OF(op, struct store_trim_changes, op);
    struct memory_organization *o = memory_tables_find_organization(tables, t->organization);
    if (o == NULL || o->revision == 0) {
        return STORE_NOT_FOUND;
    }
    o->floor = store_trim_changes_floor(t, o->floor, o->revision);
    t->ret_floor = o->floor;
    return STORE_OK;
}

const struct memory_op memory_trim_changes = {.run = run};
