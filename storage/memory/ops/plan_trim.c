#include "storage/op/plan_trim.h"

#include "storage/memory/memory_op.h"

// The newest revision of those from the floor on that are too old; the floor if none is.
static int64_t aged_revision(const struct store_plan_trim *p, const struct memory_organization *o) {
    int64_t aged = o->floor;
    while (aged < o->revision && o->events[aged]->event.at_us < p->oldest_at_us) {
        aged++;
    }
    return aged;
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_plan_trim *p = CONTAINER_OF(op, struct store_plan_trim, op);
    size_t limit = (size_t)p->limit;
    size_t most = limit < tables->organization_count ? limit : tables->organization_count;
    p->ret_trims = ARENA_ARRAY(op->arena, struct store_trim, most);
    p->ret_count = 0;
    p->ret_has_more = false;
    p->ret_cursor = SLICE_EMPTY;
    size_t looked_at = 0;
    for (size_t i = 0; i < tables->organization_count && !p->ret_has_more; i++) {
        const struct memory_organization *o = &tables->organizations[i];
        if (slice_compare(o->name, p->cursor) < 0) {
            continue;
        }
        if (looked_at++ == limit) {
            p->ret_has_more = true;
            p->ret_cursor = arena_copy(op->arena, o->name);
            continue;
        }
        int64_t floor = store_plan_trim_floor(p, o->revision, o->floor, aged_revision(p, o));
        if (floor > o->floor) {
            p->ret_trims[p->ret_count++] =
                (struct store_trim){arena_copy(op->arena, o->name), floor};
        }
    }
    return STORE_OK;
}

const struct memory_op memory_plan_trim = {.run = run};
