#include "storage/op/list_ended.h"

#include <stdlib.h>

#include "base/core/check.h"
#include "storage/memory/memory_op.h"

// Events by which a run ended, or that tell of its deletion.
struct ends {
    const struct memory_event **items;
    int count;
};

static bool is_listed(const struct memory_tables *tables, const struct store_list_ended *l,
                      const struct memory_event *newest) {
    const struct memory_run *run = newest->run;
    int64_t at_us = run->is_gone ? newest->event.at_us : run->record.finished_at_us;
    return newest->key > l->cursor && newest->key != tables->newest_key &&
           !run_status_is_active(run->record.status) && at_us < l->finished_before_us &&
           !memory_tables_is_frozen(tables, run->record.organization);
}

static void add(const struct memory_tables *tables, const struct store_list_ended *l,
                const struct memory_event *newest, struct ends *ends) {
    if (is_listed(tables, l, newest)) {
        ends->items[ends->count++] = newest;
    }
}

static int compare(const void *a, const void *b) {
    int64_t x = (*(const struct memory_event *const *)a)->key;
    int64_t y = (*(const struct memory_event *const *)b)->key;
    return x < y ? -1 : x > y;
}

// Finds all that are to be listed, in their order.
static struct ends find_all(const struct memory_tables *tables, const struct store_list_ended *l) {
    size_t most = tables->run_count;
    for (size_t i = 0; i < tables->organization_count; i++) {
        most += (size_t)tables->organizations[i].revision;
    }
    struct ends ends = {.items = ARENA_ARRAY(l->op.arena, const struct memory_event *, most)};
    for (size_t i = 0; i < tables->run_count; i++) {
        add(tables, l, tables->runs[i]->newest, &ends);
    }
    for (size_t i = 0; i < tables->organization_count; i++) {
        const struct memory_organization *o = &tables->organizations[i];
        for (int64_t j = 0; j < o->revision; j++) {
            if (o->events[j] != NULL && o->events[j]->run->is_gone) {
                add(tables, l, o->events[j], &ends);
            }
        }
    }
    qsort(ends.items, (size_t)ends.count, sizeof(const struct memory_event *), compare);
    return ends;
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_list_ended *l = CONTAINER_OF(op, struct store_list_ended, op);
    CHECK(l->limit >= 1);
    struct ends ends = find_all(tables, l);
    l->ret_has_more = ends.count > l->limit;
    l->ret_count = l->ret_has_more ? l->limit : ends.count;
    l->ret_runs = ARENA_ARRAY(op->arena, struct store_ended_run, l->ret_count);
    l->ret_cursor = l->cursor;
    for (int i = 0; i < l->ret_count; i++) {
        const struct memory_event *e = ends.items[i];
        const struct run_record *r = &e->run->record;
        l->ret_runs[i] = (struct store_ended_run){
            .organization = arena_copy(op->arena, r->organization),
            .id = arena_copy(op->arena, r->id),
            .finished_at_us = e->run->is_gone ? e->event.at_us : r->finished_at_us,
            .newest_revision = e->event.revision,
        };
        l->ret_cursor = e->key;
    }
    return STORE_OK;
}

const struct memory_op memory_list_ended = {.run = run};
