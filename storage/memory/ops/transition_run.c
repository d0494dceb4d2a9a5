#include "storage/op/transition_run.h"

#include "storage/memory/memory_op.h"

// Sets what t says of a run that it does not start from.
static void set_conflict(struct store_transition_run *t, const struct memory_run *found) {
    t->ret_is_stale = store_transition_run_is_stale(t, &found->record);
    t->ret_has_changed = store_transition_run_has_changed(t, &found->record);
    if (!run_status_is_active(found->record.status)) {
        t->ret_ending = memory_tables_ending(t->op.arena, found);
    }
}

// Makes the change of found that t asks for; returns false where it is a conflict.
static bool change(struct memory_tables *tables, struct store_transition_run *t,
                   struct memory_run *found) {
    struct run_record before = found->record;
    struct run_record after = before;
    if (!store_transition_run_apply(t, &after)) {
        return false;
    }
    if (t->given != 0) {
        memory_tables_set_fields(found, &after.fields);
    }
    if (after.sequence != before.sequence) {
        t->ret_revision =
            memory_tables_change(tables, found, &after, STORE_EVENT_TRANSITION, &t->cause);
    }
    memory_keys_note(&tables->keys, &t->idempotency, MEMORY_KEY_OF_RUN, t->organization, t->id,
                     store_transition_run_key_us(t, &after));
    return true;
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_transition_run *t = CONTAINER_OF(op, struct store_transition_run, op);
    struct slice id = t->id;
    enum idempotency_match match = memory_keys_find(&tables->keys, &t->idempotency, &id);
    if (match == IDEMPOTENCY_OTHER) {
        return STORE_KEY_REUSED;
    }
    struct memory_run *found = memory_tables_find_run(tables, t->organization, id);
    if (found == NULL) {
        return STORE_NOT_FOUND;
    }
    store_transition_run_begin(t);
    t->ret_is_replayed = match == IDEMPOTENCY_SAME;
    bool is_ok = t->ret_is_replayed || change(tables, t, found);
    if (!is_ok) {
        set_conflict(t, found);
    }
    t->ret = run_record_copy(op->arena, &found->record);
    return is_ok ? STORE_OK : STORE_CONFLICT;
}

const struct memory_op memory_transition_run = {.run = run};
