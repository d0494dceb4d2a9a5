#include "storage/op/create_bulk.h"

#include "storage/memory/memory_op.h"

static enum bulk_outcome judge(const struct memory_tables *tables,
                               const struct store_create_bulk *c, struct slice id) {
    if (!store_create_bulk_judges(c)) {
        return BULK_OPEN;
    }
    const struct memory_run *found = memory_tables_find_run(tables, c->in.organization, id);
    if (found == NULL) {
        return BULK_NOT_FOUND;
    }
    return run_status_is_active(found->record.status) ? BULK_OPEN : BULK_ALREADY_FINAL;
}

// Makes the items of a job whose runs were named.
static void add_items(const struct memory_tables *tables, const struct store_create_bulk *c,
                      struct memory_bulk *bulk) {
    for (int i = 0; i < c->id_count; i++) {
        memory_bulk_add_item(bulk, c->ids[i], judge(tables, c, c->ids[i]), bulk->newest_key);
    }
    bulk->is_collected = true;
    memory_bulk_settle(bulk, c->in.created_at_us);
}

static enum store_result create(struct memory_tables *tables, struct store_create_bulk *c) {
    if (memory_bulks_find(&tables->bulks, c->in.organization, c->in.id) != NULL) {
        return STORE_EXISTS;
    }
    if (memory_bulks_unfinished(&tables->bulks, c->in.organization) >= c->most_unfinished) {
        return STORE_CONFLICT;
    }
    struct bulk_record record = store_create_bulk_record(c);
    struct memory_bulk *bulk = memory_bulks_add(&tables->bulks, &record);
    bulk->newest_key = tables->newest_key;
    if (!record.has_filter) {
        add_items(tables, c, bulk);
    }
    memory_keys_note(&tables->keys, &c->idempotency, MEMORY_KEY_OF_BULK, record.organization,
                     record.id, record.created_at_us);
    c->ret = memory_bulk_copy(c->op.arena, bulk);
    return STORE_OK;
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_create_bulk *c = CONTAINER_OF(op, struct store_create_bulk, op);
    struct slice id;
    enum idempotency_match match = memory_keys_find(&tables->keys, &c->idempotency, &id);
    c->ret_is_replayed = match == IDEMPOTENCY_SAME;
    if (match == IDEMPOTENCY_SAME) {
        const struct memory_bulk *bulk = memory_bulks_find(&tables->bulks, c->in.organization, id);
        c->ret = memory_bulk_copy(op->arena, bulk);
        return STORE_OK;
    }
    return match == IDEMPOTENCY_NEW ? create(tables, c) : STORE_KEY_REUSED;
}

const struct memory_op memory_create_bulk = {.run = run};
