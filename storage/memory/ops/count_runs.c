#include "storage/op/count_runs.h"

#include <stdlib.h>

#include "base/core/memory.h"
#include "storage/memory/memory_op.h"

static int compare_workflows(const void *pa, const void *pb) {
    return slice_compare((*(struct memory_run *const *)pa)->record.workflow_id,
                         (*(struct memory_run *const *)pb)->record.workflow_id);
}

static bool wants(const struct store_count_runs *c, const struct run_record *r) {
    return slice_equal(r->organization, c->organization) &&
           (c->workflow_id.len == 0 || slice_equal(r->workflow_id, c->workflow_id));
}

// Counts by workflow the runs, which are in the order of their workflows.
static void count_workflows(struct store_count_runs *c, struct memory_run *const *runs,
                            size_t count) {
    struct arena *a = c->op.arena;
    c->ret_workflows = ARENA_ARRAY(a, struct store_workflow_count, c->limit);
    for (size_t i = 0; i < count; i++) {
        struct slice id = runs[i]->record.workflow_id;
        if (c->has_cursor && slice_compare(id, c->cursor) <= 0) {
            continue;
        }
        struct store_workflow_count *last = c->ret_workflows + c->ret_count - 1;
        if (c->ret_count == 0 || !slice_equal(last->workflow_id, id)) {
            if (c->ret_count == c->limit) {
                c->ret_has_more = true;
                c->ret_cursor = last->workflow_id;
                return;
            }
            last = &c->ret_workflows[c->ret_count++];
            *last = (struct store_workflow_count){.workflow_id = arena_copy(a, id)};
        }
        last->runs[runs[i]->record.status]++;
    }
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_count_runs *c = CONTAINER_OF(op, struct store_count_runs, op);
    CLEANUP_FREE struct memory_run **found = mem_alloc(tables->run_count * sizeof(found[0]));
    size_t count = 0;
    memset(c->ret_runs, 0, sizeof(c->ret_runs));
    c->ret_workflows = NULL;
    c->ret_count = 0;
    c->ret_has_more = false;
    for (size_t i = 0; i < tables->run_count; i++) {
        if (wants(c, &tables->runs[i]->record)) {
            c->ret_runs[tables->runs[i]->record.status]++;
            found[count++] = tables->runs[i];
        }
    }
    if (c->by_workflow) {
        qsort(found, count, sizeof(found[0]), compare_workflows);
        count_workflows(c, found, count);
    }
    return STORE_OK;
}

const struct memory_op memory_count_runs = {.run = run};
