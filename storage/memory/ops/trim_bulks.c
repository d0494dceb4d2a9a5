#include "storage/op/trim_bulks.h"

#include "storage/memory/memory_op.h"

static bool is_due(const struct store_trim_bulks *t, const struct bulk_record *r) {
    switch (r->state) {
    case BULK_DONE:
    case BULK_ABORTED:
        return r->finished_at_us < t->finished_before_us;
    case BULK_PLANNED:
        return r->created_at_us < t->planned_before_us;
    case BULK_PLANNING:
    case BULK_RUNNING:
        break;
    }
    return false;
}

// A job goes whole, however many items it has.
static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_trim_bulks *t = CONTAINER_OF(op, struct store_trim_bulks, op);
    struct memory_bulks *b = &tables->bulks;
    t->ret_count = 0;
    t->ret_has_more = false;
    for (int i = 0; i < b->count && !t->ret_has_more; i++) {
        if (!is_due(t, &b->items[i]->record)) {
            continue;
        }
        if (t->ret_count >= t->limit) {
            t->ret_has_more = true;
        } else {
            const struct bulk_record *r = &b->items[i]->record;
            t->ret_count += 1 + (int)b->items[i]->item_count;
            memory_keys_forget(&tables->keys, MEMORY_KEY_OF_BULK, r->organization, r->id);
            memory_bulks_remove(b, i--);
        }
    }
    return STORE_OK;
}

const struct memory_op memory_trim_bulks = {.run = run};
