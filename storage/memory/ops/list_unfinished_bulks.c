#include "storage/op/list_unfinished_bulks.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_list_unfinished_bulks *l =
        CONTAINER_OF(op, struct store_list_unfinished_bulks, op);
    const struct memory_bulks *b = &tables->bulks;
    l->ret_bulks = ARENA_ARRAY(op->arena, struct store_unfinished_bulk, l->limit);
    l->ret_count = 0;
    l->ret_has_more = false;
    for (int i = 0; i < b->count && !l->ret_has_more; i++) {
        const struct memory_bulk *bulk = b->items[i];
        const struct bulk_record *r = &bulk->record;
        bool has_step = r->state == BULK_PLANNING || r->state == BULK_RUNNING;
        if (bulk->number <= l->position || !has_step ||
            memory_tables_is_frozen(tables, r->organization)) {
            continue;
        }
        if (l->ret_count == l->limit) {
            l->ret_has_more = true;
        } else {
            l->ret_bulks[l->ret_count++] = (struct store_unfinished_bulk){
                .organization = arena_copy(op->arena, r->organization),
                .id = arena_copy(op->arena, r->id),
                .state = r->state,
            };
            l->ret_position = bulk->number;
        }
    }
    return STORE_OK;
}

const struct memory_op memory_list_unfinished_bulks = {.run = run};
