#include "storage/op/list_runs.h"

#include <stdlib.h>

#include "base/core/memory.h"
#include "storage/memory/memory_op.h"

// Newest first.
static int compare_starts(const void *pa, const void *pb) {
    const struct run_record *a = &(*(struct memory_run *const *)pa)->record;
    const struct run_record *b = &(*(struct memory_run *const *)pb)->record;
    if (a->started_at_us != b->started_at_us) {
        return a->started_at_us > b->started_at_us ? -1 : 1;
    }
    return slice_compare(b->id, a->id);
}

static bool behind_cursor(const struct run_record *r, const struct store_cursor *c) {
    return r->started_at_us != c->started_at_us ? r->started_at_us < c->started_at_us
                                                : slice_compare(r->id, c->id) < 0;
}

static bool list_wants(const struct store_list_runs *l, const struct run_record *r) {
    return slice_equal(r->organization, l->organization) &&
           (RUN_STATUS_BIT(r->status) & l->status) != 0 &&
           (l->holder.len == 0 || slice_equal(r->holder, l->holder)) &&
           (l->workflow_id.len == 0 || slice_equal(r->workflow_id, l->workflow_id)) &&
           r->started_at_us > l->started_after_us && r->started_at_us < l->started_before_us &&
           (!l->has_cursor || behind_cursor(r, &l->cursor));
}

// Collects the runs that are asked for, in order.
static size_t find_runs(const struct memory_tables *tables, const struct store_list_runs *l,
                        struct memory_run **ret_found) {
    size_t count = 0;
    bool is_by_id = l->id_count > 0;
    size_t asked = is_by_id ? (size_t)l->id_count : tables->run_count;
    for (size_t i = 0; i < asked; i++) {
        struct memory_run *run =
            is_by_id ? memory_tables_find_run(tables, l->organization, l->ids[i]) : tables->runs[i];
        if (run != NULL && list_wants(l, &run->record)) {
            ret_found[count++] = run;
        }
    }
    qsort(ret_found, count, sizeof(ret_found[0]), compare_starts);
    size_t kept = 0; // the same may be asked for twice
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || ret_found[i - 1] != ret_found[i]) {
            ret_found[kept++] = ret_found[i];
        }
    }
    return kept;
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_list_runs *l = CONTAINER_OF(op, struct store_list_runs, op);
    struct arena *a = op->arena;
    const struct memory_organization *o = memory_tables_find_organization(tables, l->organization);
    l->ret_newest_revision = o != NULL ? o->revision : 0;
    size_t most = l->id_count > 0 ? (size_t)l->id_count : tables->run_count;
    CLEANUP_FREE struct memory_run **found = mem_alloc(most * sizeof(found[0]));
    size_t count = find_runs(tables, l, found);
    l->ret_has_more = count > (size_t)l->limit;
    l->ret_count = l->ret_has_more ? l->limit : (int)count;
    l->ret_runs = ARENA_ARRAY(a, struct run_record, l->ret_count);
    for (int i = 0; i < l->ret_count; i++) {
        l->ret_runs[i] = run_record_copy(a, &found[i]->record);
    }
    if (l->ret_has_more) {
        const struct run_record *last = &l->ret_runs[l->ret_count - 1];
        l->ret_cursor = (struct store_cursor){last->started_at_us, last->id};
    }
    return STORE_OK;
}

const struct memory_op memory_list_runs = {.run = run};
