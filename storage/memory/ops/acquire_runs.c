#include "storage/op/acquire_runs.h"

#include <stdlib.h>

#include "base/core/memory.h"
#include "storage/memory/memory_op.h"

// Oldest first.
static int compare_starts(const void *pa, const void *pb) {
    const struct run_record *a = &(*(struct memory_run *const *)pa)->record;
    const struct run_record *b = &(*(struct memory_run *const *)pb)->record;
    if (a->started_at_us != b->started_at_us) {
        return a->started_at_us < b->started_at_us ? -1 : 1;
    }
    return slice_compare(a->id, b->id);
}

static bool is_asked_for(const struct store_acquire_runs *q, struct slice id) {
    for (int i = 0; i < q->id_count; i++) {
        if (slice_equal(q->ids[i], id)) {
            return true;
        }
    }
    return q->id_count == 0;
}

static bool wants(const struct store_acquire_runs *q, const struct run_record *run) {
    return slice_equal(run->organization, q->organization) && store_acquire_runs_takes(q, run) &&
           (q->workflow_id.len == 0 || slice_equal(run->workflow_id, q->workflow_id)) &&
           is_asked_for(q, run->id);
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_acquire_runs *q = CONTAINER_OF(op, struct store_acquire_runs, op);
    CLEANUP_FREE struct memory_run **found = mem_alloc(tables->run_count * sizeof(found[0]));
    size_t count = 0;
    for (size_t i = 0; i < tables->run_count; i++) {
        if (wants(q, &tables->runs[i]->record)) {
            found[count++] = tables->runs[i];
        }
    }
    qsort(found, count, sizeof(found[0]), compare_starts);
    q->ret_count = 0;
    q->ret_runs = ARENA_ARRAY(op->arena, struct run_record, q->limit);
    size_t bytes = 0;
    for (size_t i = 0; i < count && q->ret_count < q->limit; i++) {
        struct run_record after = found[i]->record;
        if (!store_acquire_runs_fits(q, &after, q->ret_count, &bytes)) {
            break;
        }
        store_acquire_runs_apply(q, &after, tables->attempt_floor);
        memory_tables_change(tables, found[i], &after, STORE_EVENT_ACQUISITION, &q->cause);
        q->ret_runs[q->ret_count++] = run_record_copy(op->arena, &found[i]->record);
    }
    return STORE_OK;
}

const struct memory_op memory_acquire_runs = {.run = run};
