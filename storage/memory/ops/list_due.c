#include "storage/op/list_due.h"

#include <stdlib.h>

#include "base/core/memory.h"
#include "storage/memory/memory_op.h"

// Soonest first.
static int compare_dues(const void *pa, const void *pb) {
    int64_t a = run_record_due_us(&(*(struct memory_run *const *)pa)->record);
    int64_t b = run_record_due_us(&(*(struct memory_run *const *)pb)->record);
    return (a > b) - (a < b);
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_list_due *l = CONTAINER_OF(op, struct store_list_due, op);
    CLEANUP_FREE struct memory_run **found = mem_alloc(tables->run_count * sizeof(found[0]));
    size_t count = 0;
    bool any_is_frozen = false;
    for (size_t i = 0; i < tables->run_count; i++) {
        const struct run_record *r = &tables->runs[i]->record;
        any_is_frozen = any_is_frozen || memory_tables_is_frozen(tables, r->organization);
        if (run_record_due_us(r) != 0 && !memory_tables_is_frozen(tables, r->organization)) {
            found[count++] = tables->runs[i];
        }
    }
    qsort(found, count, sizeof(found[0]), compare_dues);
    l->ret_count = 0;
    l->ret_next_due_us = 0;
    l->ret_from_us = any_is_frozen ? l->from_us : 0;
    l->ret_due = ARENA_ARRAY(op->arena, struct store_due, l->limit);
    for (size_t i = 0; i < count && l->ret_next_due_us == 0; i++) {
        const struct run_record *r = &found[i]->record;
        int64_t due_us = run_record_due_us(r);
        if (l->ret_count == l->limit || due_us > l->until_us) {
            l->ret_next_due_us = due_us;
        } else {
            l->ret_due[l->ret_count++] = (struct store_due){
                .organization = arena_copy(op->arena, r->organization),
                .id = arena_copy(op->arena, r->id),
                .due_us = due_us,
                .on_timeout = r->terms.on_timeout,
            };
        }
    }
    return STORE_OK;
}

const struct memory_op memory_list_due = {.run = run};
