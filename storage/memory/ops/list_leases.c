#include "storage/op/list_leases.h"

#include "storage/memory/memory_op.h"

// The order is that of the table: by organization, then id.
static bool is_behind(const struct store_list_leases *l, const struct run_record *r) {
    return !l->has_cursor ||
           memory_tables_compare(r->organization, r->id, l->cursor.organization, l->cursor.id) > 0;
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_list_leases *l = CONTAINER_OF(op, struct store_list_leases, op);
    struct arena *a = op->arena;
    l->ret_count = 0;
    l->ret_has_more = false;
    l->ret_leases = ARENA_ARRAY(a, struct store_lease, l->limit);
    for (size_t i = 0; i < tables->run_count && !l->ret_has_more; i++) {
        const struct run_record *r = &tables->runs[i]->record;
        if (r->holder.len == 0 || !is_behind(l, r)) {
            continue;
        }
        if (l->ret_count == l->limit) {
            const struct store_lease *last = &l->ret_leases[l->ret_count - 1];
            l->ret_has_more = true;
            l->ret_cursor =
                (struct store_lease_cursor){.organization = last->organization, .id = last->id};
        } else {
            l->ret_leases[l->ret_count++] = (struct store_lease){
                .organization = arena_copy(a, r->organization),
                .id = arena_copy(a, r->id),
                .attempt = r->attempt,
                .holder = arena_copy(a, r->holder),
                .lease_us = r->lease_us,
            };
        }
    }
    return STORE_OK;
}

const struct memory_op memory_list_leases = {.run = run};
