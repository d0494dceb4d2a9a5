#include "storage/op/change_bulk.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_change_bulk *c = CONTAINER_OF(op, struct store_change_bulk, op);
    struct slice id = c->id;
    enum idempotency_match match = memory_keys_find(&tables->keys, &c->idempotency, &id);
    if (match == IDEMPOTENCY_OTHER) {
        return STORE_KEY_REUSED;
    }
    struct memory_bulk *bulk = memory_bulks_find(&tables->bulks, c->organization, id);
    if (bulk == NULL) {
        return STORE_NOT_FOUND;
    }
    c->ret_is_replayed = match == IDEMPOTENCY_SAME;
    if (!c->ret_is_replayed && c->to == BULK_RUNNING &&
        memory_tables_is_frozen(tables, c->organization)) {
        return STORE_READ_ONLY;
    }
    struct bulk_record after = bulk->record;
    bool is_taken = !c->ret_is_replayed && store_change_bulk_apply(c, &after);
    if (is_taken) {
        memory_bulk_set(bulk, &after);
        memory_keys_note(&tables->keys, &c->idempotency, MEMORY_KEY_OF_BULK, c->organization, id,
                         c->at_us);
    }
    c->ret = memory_bulk_copy(op->arena, bulk);
    return is_taken || c->ret_is_replayed ? STORE_OK : STORE_CONFLICT;
}

const struct memory_op memory_change_bulk = {.run = run};
