#include "storage/op/list_bulk_items.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_list_bulk_items *l = CONTAINER_OF(op, struct store_list_bulk_items, op);
    const struct memory_bulk *bulk = memory_bulks_find(&tables->bulks, l->organization, l->id);
    if (bulk == NULL) {
        return STORE_NOT_FOUND;
    }
    bool found = false;
    size_t place = l->after.len == 0 ? 0 : memory_bulk_place(bulk, l->after, &found);
    l->ret_items = ARENA_ARRAY(op->arena, struct store_bulk_item, l->limit);
    l->ret_count = 0;
    l->ret_has_more = false;
    for (size_t i = place + found; i < bulk->item_count && !l->ret_has_more; i++) {
        const struct memory_bulk_item *item = &bulk->items[i];
        if ((BULK_OUTCOME_BIT(item->outcome) & l->outcomes) == 0) {
            continue;
        }
        if (l->ret_count == l->limit) {
            l->ret_has_more = true;
            l->ret_after = l->ret_items[l->ret_count - 1].id;
        } else {
            l->ret_items[l->ret_count++] = (struct store_bulk_item){
                .id = arena_copy(op->arena, item->id), .outcome = item->outcome};
        }
    }
    return STORE_OK;
}

const struct memory_op memory_list_bulk_items = {.run = run};
