#include "storage/op/list_events.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_list_events *e = CONTAINER_OF(op, struct store_list_events, op);
    const struct memory_run *found = memory_tables_find_run(tables, e->organization, e->id);
    if (found == NULL) {
        return STORE_NOT_FOUND;
    }
    e->ret_count = found->record.sequence < e->limit ? (int)found->record.sequence : e->limit;
    e->ret_events = ARENA_ARRAY(op->arena, struct run_event, e->ret_count);
    const struct memory_event *event = found->newest;
    for (int i = e->ret_count - 1; i >= 0; i--, event = event->older) {
        e->ret_events[i] = memory_tables_copy_event(op->arena, &event->event);
    }
    return STORE_OK;
}

const struct memory_op memory_list_events = {.run = run};
