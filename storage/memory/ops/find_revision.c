#include "storage/op/find_revision.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_find_revision *f = CONTAINER_OF(op, struct store_find_revision, op);
    const struct memory_organization *o = memory_tables_find_organization(tables, f->organization);
    f->ret_floor = o != NULL ? o->floor : 0;
    f->ret_revision = f->ret_floor;
    while (o != NULL && f->ret_revision < o->revision &&
           o->events[f->ret_revision]->event.at_us < f->at_us) {
        f->ret_revision++;
    }
    return STORE_OK;
}

const struct memory_op memory_find_revision = {.run = run};
