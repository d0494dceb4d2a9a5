#include "storage/op/store_stats.h"

#include "storage/memory/memory_op.h"

static void add_events(const struct memory_organization *o, struct store_sizes *ret) {
    for (int64_t i = 0; i < o->revision; i++) {
        const struct memory_event *e = o->events[i];
        if (e == NULL) {
            continue; // deleted
        }
        ret->events++;
        if (ret->oldest_event_at_us == 0 || e->event.at_us < ret->oldest_event_at_us) {
            ret->oldest_event_at_us = e->event.at_us;
        }
    }
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_store_stats *q = CONTAINER_OF(op, struct store_store_stats, op);
    q->ret = (struct store_sizes){.jobs = tables->bulks.count};
    for (size_t i = 0; i < tables->organization_count; i++) {
        q->ret.organizations += tables->organizations[i].revision > 0;
        add_events(&tables->organizations[i], &q->ret);
    }
    for (size_t i = 0; i < tables->run_count; i++) {
        q->ret.runs[tables->runs[i]->record.status]++;
    }
    return STORE_OK;
}

const struct memory_op memory_store_stats = {.run = run};
