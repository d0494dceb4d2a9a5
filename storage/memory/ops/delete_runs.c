#include "storage/op/delete_runs.h"

#include "base/core/check.h"
#include "storage/memory/memory_family.h"
#include "storage/memory/memory_op.h"

static bool takes_run(const struct memory_tables *tables, const struct store_delete_runs *d,
                      const struct memory_run *run) {
    return store_delete_runs_takes(d, run->record.status, run->record.finished_at_us) &&
           run->newest->key != tables->newest_key;
}

// Deletes the old events that tell of deletions of id. Returns whether there was one.
static bool delete_gone(struct memory_tables *tables, const struct store_delete_runs *d,
                        struct slice id) {
    const struct memory_organization *o = memory_tables_find_organization(tables, d->organization);
    bool any = false;
    for (int64_t i = 0; o != NULL && i < o->revision; i++) {
        const struct memory_event *e = o->events[i];
        if (e != NULL && e->run->is_gone && slice_equal(e->run->record.id, id) &&
            e->event.at_us < d->finished_before_us && e->key != tables->newest_key) {
            memory_tables_delete_run(tables, e->run);
            any = true;
        }
    }
    return any;
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_delete_runs *d = CONTAINER_OF(op, struct store_delete_runs, op);
    CHECK(d->count >= 0 && d->count <= STORE_MOST_DELETE_RUNS);
    d->ret_deleted = 0;
    for (int i = 0; i < d->count; i++) {
        struct memory_run *found = memory_tables_find_run(tables, d->organization, d->ids[i]);
        bool deletes = found != NULL && takes_run(tables, d, found);
        if (deletes) {
            struct slice parent_id = arena_copy(op->arena, found->parent_id);
            memory_tables_delete_run(tables, found);
            memory_family_leave(tables, d->organization, d->ids[i], parent_id);
        }
        deletes |= delete_gone(tables, d, d->ids[i]);
        d->ret_deleted += deletes;
    }
    return STORE_OK;
}

const struct memory_op memory_delete_runs = {.run = run};
