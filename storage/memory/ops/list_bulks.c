#include "storage/op/list_bulks.h"

#include <stdlib.h>

#include "base/core/memory.h"
#include "storage/memory/memory_op.h"

// Newest first.
static int compare(int64_t at_a_us, struct slice id_a, int64_t at_b_us, struct slice id_b) {
    if (at_a_us != at_b_us) {
        return at_a_us > at_b_us ? -1 : 1;
    }
    return slice_compare(id_b, id_a);
}

static int compare_bulks(const void *pa, const void *pb) {
    const struct bulk_record *a = &(*(struct memory_bulk *const *)pa)->record;
    const struct bulk_record *b = &(*(struct memory_bulk *const *)pb)->record;
    return compare(a->created_at_us, a->id, b->created_at_us, b->id);
}

static bool is_behind(const struct store_list_bulks *l, const struct bulk_record *r) {
    return !l->has_cursor ||
           compare(r->created_at_us, r->id, l->cursor.created_at_us, l->cursor.id) > 0;
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_list_bulks *l = CONTAINER_OF(op, struct store_list_bulks, op);
    const struct memory_bulks *b = &tables->bulks;
    CLEANUP_FREE struct memory_bulk **found = mem_alloc((size_t)b->count * sizeof(found[0]));
    size_t count = 0;
    for (int i = 0; i < b->count; i++) {
        const struct bulk_record *r = &b->items[i]->record;
        if (slice_equal(r->organization, l->organization) && is_behind(l, r)) {
            found[count++] = b->items[i];
        }
    }
    qsort(found, count, sizeof(found[0]), compare_bulks);
    l->ret_bulks = ARENA_ARRAY(op->arena, struct bulk_record, l->limit);
    l->ret_count = 0;
    for (size_t i = 0; i < count && l->ret_count < l->limit; i++) {
        l->ret_bulks[l->ret_count++] = memory_bulk_copy(op->arena, found[i]);
    }
    l->ret_has_more = (size_t)l->ret_count < count;
    if (l->ret_has_more) {
        const struct bulk_record *last = &l->ret_bulks[l->ret_count - 1];
        l->ret_cursor = (struct store_bulk_cursor){last->created_at_us, last->id};
    }
    return STORE_OK;
}

const struct memory_op memory_list_bulks = {.run = run};
