#include "storage/op/freeze_organization.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_freeze_organization *f = CONTAINER_OF(op, struct store_freeze_organization, op);
    const struct memory_organization *known = memory_tables_find_organization(tables, f->name);
    if ((known == NULL || known->revision == 0) &&
        memory_tables_count_tokens(tables, f->name) == 0) {
        return STORE_NOT_FOUND;
    }
    struct memory_organization *o = memory_tables_organization(tables, f->name);
    o->frozen_at_us = store_freeze_organization_at(f, o->frozen_at_us);
    f->ret_frozen_at_us = o->frozen_at_us;
    return STORE_OK;
}

const struct memory_op memory_freeze_organization = {.run = run};
