#include "storage/memory/memory_family.h"

enum store_parent memory_family_check(const struct memory_tables *t, struct arena *a,
                                      struct slice organization, struct slice parent_id,
                                      struct slice *ret_ancestor) {
    struct slice id = parent_id;
    for (int depth = 1; id.len > 0; depth++) {
        const struct memory_run *ancestor = memory_tables_find_run(t, organization, id);
        if (ancestor == NULL) {
            return depth == 1 ? PARENT_MISSING : PARENT_SOUND;
        }
        if (ancestor->record.status == RUN_CANCELLED) {
            *ret_ancestor = arena_copy(a, ancestor->record.id);
            return PARENT_CANCELLED;
        }
        if (depth > STORE_MOST_ANCESTORS) {
            return PARENT_TOO_DEEP;
        }
        id = ancestor->parent_id;
    }
    return PARENT_SOUND;
}

void memory_family_add_children(const struct memory_tables *t, struct memory_bulk *bulk,
                                struct slice id) {
    for (size_t i = 0; bulk->record.cascades && i < t->run_count; i++) {
        const struct memory_run *run = t->runs[i];
        if (run->parent_id.len > 0 && slice_equal(run->parent_id, id) &&
            slice_equal(run->record.organization, bulk->record.organization)) {
            memory_bulk_add_item(bulk, run->record.id, BULK_OPEN);
        }
    }
}
