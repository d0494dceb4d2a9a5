#include "storage/memory/memory_family.h"

#include "base/core/memory.h"

static struct memory_gone_child *find_gone(const struct memory_tables *t, struct slice organization,
                                           struct slice id) {
    for (size_t i = 0; i < t->gone_child_count; i++) {
        struct memory_gone_child *gone = &t->gone_children[i];
        if (slice_equal(gone->organization, organization) && slice_equal(gone->id, id)) {
            return gone;
        }
    }
    return NULL;
}

static bool has_children(const struct memory_tables *t, struct slice organization,
                         struct slice id) {
    for (size_t i = 0; i < t->run_count; i++) {
        if (slice_equal(t->runs[i]->parent_id, id) &&
            slice_equal(t->runs[i]->record.organization, organization)) {
            return true;
        }
    }
    for (size_t i = 0; i < t->gone_child_count; i++) {
        if (slice_equal(t->gone_children[i].parent_id, id) &&
            slice_equal(t->gone_children[i].organization, organization)) {
            return true;
        }
    }
    return false;
}

// Takes gone out of the table. Returns its parent's id, which the caller owns.
static struct slice remove_gone(struct memory_tables *t, struct memory_gone_child *gone) {
    struct slice parent_id = gone->parent_id;
    memory_slice_disown(gone->organization);
    memory_slice_disown(gone->id);
    *gone = t->gone_children[--t->gone_child_count];
    return parent_id;
}

// A child of the run of id, which is owned, has left: if that one is gone and has no other, it
// leaves too, and so on.
static void prune(struct memory_tables *t, struct slice organization, struct slice id) {
    struct memory_gone_child *gone = find_gone(t, organization, id);
    while (gone != NULL && !has_children(t, organization, id)) {
        struct slice parent_id = remove_gone(t, gone);
        memory_slice_disown(id);
        id = parent_id;
        gone = find_gone(t, organization, id);
    }
    memory_slice_disown(id);
}

void memory_family_leave(struct memory_tables *t, struct slice organization, struct slice id,
                         struct slice parent_id) {
    if (parent_id.len == 0) {
        return;
    }
    if (!has_children(t, organization, id)) {
        prune(t, organization, memory_slice_own(parent_id));
        return;
    }
    size_t count = t->gone_child_count++;
    t->gone_children = mem_realloc(t->gone_children, (count + 1) * sizeof(t->gone_children[0]));
    t->gone_children[count] =
        (struct memory_gone_child){.organization = memory_slice_own(organization),
                                   .id = memory_slice_own(id),
                                   .parent_id = memory_slice_own(parent_id)};
}

void memory_family_join(struct memory_tables *t, struct memory_run *run, struct slice parent_id) {
    struct memory_gone_child *gone = find_gone(t, run->record.organization, run->record.id);
    run->parent_id = memory_slice_own(parent_id);
    if (gone != NULL) {
        prune(t, run->record.organization, remove_gone(t, gone));
    }
}

// Returns what is wrong with the ancestor of id, so many generations up from c's run; NULL: it is
// not there.
static enum store_parent judge(const struct store_create_run *c, const struct memory_run *ancestor,
                               struct slice id, int depth) {
    if (ancestor == NULL && depth == 1) {
        return PARENT_MISSING;
    }
    if (ancestor == NULL && slice_equal(id, c->in.id)) {
        return PARENT_DESCENDS;
    }
    if (ancestor != NULL && ancestor->record.status == RUN_CANCELLED) {
        return PARENT_CANCELLED;
    }
    return depth > STORE_MOST_ANCESTORS ? PARENT_TOO_DEEP : PARENT_SOUND;
}

void memory_family_check(const struct memory_tables *t, struct store_create_run *c) {
    struct slice id = c->parent_id;
    c->ret_parent = PARENT_SOUND;
    for (int depth = 1; id.len > 0; depth++) {
        const struct memory_run *ancestor = memory_tables_find_run(t, c->in.organization, id);
        c->ret_parent = judge(c, ancestor, id, depth);
        if (c->ret_parent != PARENT_SOUND) {
            c->ret_ancestor =
                c->ret_parent == PARENT_CANCELLED ? arena_copy(c->op.arena, id) : SLICE_EMPTY;
            return;
        }
        const struct memory_gone_child *gone =
            ancestor == NULL ? find_gone(t, c->in.organization, id) : NULL;
        id = ancestor != NULL ? ancestor->parent_id : gone != NULL ? gone->parent_id : SLICE_EMPTY;
    }
}

// Whether the run of id is the parent of run, or is it through others that are gone.
static bool is_above(const struct memory_tables *t, const struct memory_run *run, struct slice id) {
    struct slice parent_id = run->parent_id;
    while (parent_id.len > 0 && !slice_equal(parent_id, id)) {
        const struct memory_gone_child *gone = find_gone(t, run->record.organization, parent_id);
        parent_id = gone != NULL ? gone->parent_id : SLICE_EMPTY;
    }
    return parent_id.len > 0;
}

// Returns the run that the item of id is about; NULL if there is none, or that is no item.
static struct memory_run *find_of_item(const struct memory_tables *t,
                                       const struct memory_bulk *bulk, struct slice id) {
    bool found;
    size_t place = memory_bulk_place(bulk, id, &found);
    struct memory_run *run =
        found ? memory_tables_find_run(t, bulk->record.organization, id) : NULL;
    return run != NULL && run->key <= bulk->items[place].newest_key ? run : NULL;
}

struct memory_run *memory_family_find_meant(const struct memory_tables *t,
                                            const struct memory_bulk *bulk,
                                            const struct memory_bulk_item *item) {
    struct slice organization = bulk->record.organization;
    struct memory_run *run = memory_tables_find_run(t, organization, item->id);
    if (run == NULL || run->key <= item->newest_key) {
        return run;
    }
    struct slice id = bulk->record.cascades ? run->parent_id : SLICE_EMPTY;
    while (id.len > 0 && find_of_item(t, bulk, id) == NULL) {
        const struct memory_run *ancestor = memory_tables_find_run(t, organization, id);
        const struct memory_gone_child *gone =
            ancestor == NULL ? find_gone(t, organization, id) : NULL;
        id = ancestor != NULL ? ancestor->parent_id : gone != NULL ? gone->parent_id : SLICE_EMPTY;
    }
    return id.len > 0 ? run : NULL;
}

void memory_family_add_children(const struct memory_tables *t, struct memory_bulk *bulk,
                                struct slice id) {
    for (size_t i = 0; bulk->record.cascades && i < t->run_count; i++) {
        const struct memory_run *run = t->runs[i];
        if (slice_equal(run->record.organization, bulk->record.organization) &&
            is_above(t, run, id)) {
            memory_bulk_add_item(bulk, run->record.id, BULK_OPEN, t->newest_key);
        }
    }
}
