#include "storage/op/get_organization.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_get_organization *g = CONTAINER_OF(op, struct store_get_organization, op);
    const struct memory_organization *o = memory_tables_find_organization(tables, g->name);
    g->ret = (struct store_organization){.tokens = memory_tables_count_tokens(tables, g->name)};
    if (o != NULL) {
        g->ret.revision = o->revision;
        g->ret.floor = o->floor;
        g->ret.frozen_at_us = o->frozen_at_us;
    }
    for (size_t i = 0; i < tables->run_count; i++) {
        const struct run_record *r = &tables->runs[i]->record;
        if (slice_equal(r->organization, g->name)) {
            g->ret.runs[r->status]++;
            g->ret.stored_bytes += (int64_t)r->spec.len;
        }
    }
    return g->ret.revision > 0 || g->ret.tokens > 0 ? STORE_OK : STORE_NOT_FOUND;
}

const struct memory_op memory_get_organization = {.run = run};
