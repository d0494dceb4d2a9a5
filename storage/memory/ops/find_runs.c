#include "storage/op/find_runs.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_find_runs *f = CONTAINER_OF(op, struct store_find_runs, op);
    f->ret = ARENA_ARRAY(op->arena, struct store_found_run, f->count);
    for (int i = 0; i < f->count; i++) {
        const struct memory_run *found = memory_tables_find_run(tables, f->organization, f->ids[i]);
        if (found == NULL) {
            continue;
        }
        const struct run_record *r = &found->record;
        f->ret[i] = (struct store_found_run){
            .is_there = true,
            .status = r->status,
            .attempt = r->attempt,
            .holder = arena_copy(op->arena, r->holder),
            .lease_us = r->lease_us,
            .finished_at_us = r->finished_at_us,
            .stopped_at_us = r->stopped_at_us,
        };
        if (!run_status_is_active(r->status)) {
            struct event_cause ending = memory_tables_ending(op->arena, found);
            f->ret[i].actor = ending.actor;
            f->ret[i].reason = ending.reason;
        }
    }
    return STORE_OK;
}

const struct memory_op memory_find_runs = {.run = run};
