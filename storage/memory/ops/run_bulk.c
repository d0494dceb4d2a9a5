#include "storage/op/run_bulk.h"

#include "storage/memory/memory_family.h"
#include "storage/memory/memory_op.h"

// Cancels run, which is active.
static void cancel(struct memory_tables *tables, struct store_run_bulk *r,
                   const struct memory_bulk *bulk, struct memory_run *run) {
    struct run_record after = run->record;
    run_record_become(&after, RUN_CANCELLED, r->at_us);
    r->ret_ended[r->ret_ended_count++] = (struct store_bulk_ended){
        .id = arena_copy(r->op.arena, run->record.id),
        .attempt = run->record.attempt,
        .holder = arena_copy(r->op.arena, run->record.holder),
    };
    memory_tables_change(tables, run, &after, STORE_EVENT_TRANSITION, &bulk->record.cause);
}

static void deal_with(struct memory_tables *tables, struct store_run_bulk *r,
                      struct memory_bulk *bulk, struct memory_bulk_item *item) {
    struct slice id = item->id;
    struct memory_run *run = memory_family_find_meant(tables, bulk, item);
    enum bulk_outcome outcome = item->outcome;
    if (outcome == BULK_OPEN && run == NULL) {
        outcome = BULK_NOT_FOUND;
    } else if (outcome == BULK_OPEN && !run_status_is_active(run->record.status)) {
        outcome = BULK_ALREADY_FINAL;
    } else if (outcome == BULK_OPEN) {
        outcome = BULK_CANCELLED;
        cancel(tables, r, bulk, run);
    }
    // Kinship goes on through a run that was deleted, but that one is not what has its id now.
    bool is_taken = memory_tables_find_run(tables, r->organization, id) != NULL;
    bool goes_on = run == NULL ? !is_taken : item->outcome != BULK_NOT_FOUND;
    memory_bulk_note(bulk, item, outcome);
    if (goes_on) {
        memory_family_add_children(tables, bulk, id);
    }
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_run_bulk *r = CONTAINER_OF(op, struct store_run_bulk, op);
    struct memory_bulk *bulk = memory_bulks_find(&tables->bulks, r->organization, r->id);
    if (bulk == NULL) {
        return STORE_NOT_FOUND;
    }
    r->ret_ended = ARENA_ARRAY(op->arena, struct store_bulk_ended, r->most);
    r->ret_ended_count = 0;
    struct memory_bulk_item *item;
    for (int i = 0; bulk->record.state == BULK_RUNNING && i < r->most; i++) {
        item = memory_bulk_next_due(bulk, BULK_DUE_RUN);
        if (item == NULL) {
            break;
        }
        deal_with(tables, r, bulk, item);
    }
    if (bulk->record.state == BULK_RUNNING && memory_bulk_next_due(bulk, BULK_DUE_RUN) == NULL) {
        bulk_record_become(&bulk->record, BULK_DONE, r->at_us);
    }
    r->ret = memory_bulk_copy(op->arena, bulk);
    return STORE_OK;
}

const struct memory_op memory_run_bulk = {.run = run};
