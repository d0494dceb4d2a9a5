#include "storage/op/collect_bulk.h"

#include "storage/memory/memory_family.h"
#include "storage/memory/memory_op.h"
#include "storage/run_spec.h"

// Whether the job is about run, of its organization.
static bool is_meant(const struct bulk_record *bulk, const struct run_record *run) {
    const struct run_filter *f = &bulk->filter;
    return (RUN_STATUS_BIT(run->status) & run_filter_statuses(f)) != 0 &&
           run->started_at_us <= bulk_record_newest_start_us(bulk) &&
           (f->started_after_us == 0 || run->started_at_us > f->started_after_us) &&
           (f->workflow_id.len == 0 || slice_equal(run->workflow_id, f->workflow_id)) &&
           (f->holder.len == 0 || slice_equal(run->holder, f->holder)) &&
           (f->source_run_id.len == 0 || slice_equal(run_spec_source(run->spec), f->source_run_id));
}

// Looks at up to most runs from behind the one that was looked at last; returns at how many.
static int collect(const struct memory_tables *tables, struct memory_bulk *bulk, int most) {
    int looked = 0;
    for (size_t i = 0; i < tables->run_count; i++) {
        const struct run_record *run = &tables->runs[i]->record;
        if (memory_tables_compare(run->organization, run->id, bulk->record.organization,
                                  bulk->collected) <= 0) {
            continue;
        }
        if (!slice_equal(run->organization, bulk->record.organization)) {
            break;
        }
        if (looked == most) {
            return looked;
        }
        looked++;
        if (tables->runs[i]->key <= bulk->newest_key && is_meant(&bulk->record, run)) {
            memory_bulk_add_item(bulk, run->id, BULK_OPEN, bulk->newest_key);
        }
        memory_slice_disown(bulk->collected);
        bulk->collected = memory_slice_own(run->id);
    }
    bulk->is_collected = true;
    return looked;
}

// Looks at items, and makes items of the children of their runs.
static void expand(const struct memory_tables *tables, struct memory_bulk *bulk, int most) {
    struct memory_bulk_item *item;
    for (int i = 0; i < most; i++) {
        item = memory_bulk_next_due(bulk, BULK_DUE_PLAN);
        if (item == NULL) {
            return;
        }
        struct slice id = item->id;
        const struct memory_run *run = memory_family_find_meant(tables, bulk, item);
        bool is_active = run != NULL && run_status_is_active(run->record.status);
        enum bulk_outcome outcome = run == NULL ? BULK_NOT_FOUND
                                    : is_active ? BULK_OPEN
                                                : BULK_ALREADY_FINAL;
        // Kinship goes on through a run that was deleted, but that one is not what has its id now.
        bool is_taken = memory_tables_find_run(tables, bulk->record.organization, id) != NULL;
        bool goes_on = run == NULL ? !is_taken : item->outcome != BULK_NOT_FOUND;
        memory_bulk_note(bulk, item, item->outcome == BULK_OPEN ? outcome : item->outcome);
        if (goes_on) {
            memory_family_add_children(tables, bulk, id);
        }
    }
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_collect_bulk *c = CONTAINER_OF(op, struct store_collect_bulk, op);
    struct memory_bulk *bulk = memory_bulks_find(&tables->bulks, c->organization, c->id);
    if (bulk == NULL) {
        return STORE_NOT_FOUND;
    }
    if (bulk->record.state == BULK_PLANNING) {
        int looked = bulk->is_collected ? 0 : collect(tables, bulk, c->most);
        if (bulk->is_collected) {
            expand(tables, bulk, c->most - looked);
            memory_bulk_settle(bulk, c->at_us);
        }
    }
    c->ret = memory_bulk_copy(op->arena, bulk);
    return STORE_OK;
}

const struct memory_op memory_collect_bulk = {.run = run};
