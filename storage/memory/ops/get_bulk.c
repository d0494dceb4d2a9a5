#include "storage/op/get_bulk.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_get_bulk *g = CONTAINER_OF(op, struct store_get_bulk, op);
    const struct memory_bulk *bulk = memory_bulks_find(&tables->bulks, g->organization, g->id);
    if (bulk == NULL) {
        return STORE_NOT_FOUND;
    }
    g->ret = memory_bulk_copy(op->arena, bulk);
    g->ret_sample = ARENA_ARRAY(op->arena, struct slice, g->sample);
    g->ret_sample_count = 0;
    for (size_t i = 0; i < bulk->item_count && g->ret_sample_count < g->sample; i++) {
        if (bulk->items[i].outcome == BULK_OPEN) {
            g->ret_sample[g->ret_sample_count++] = arena_copy(op->arena, bulk->items[i].id);
        }
    }
    return STORE_OK;
}

const struct memory_op memory_get_bulk = {.run = run};
