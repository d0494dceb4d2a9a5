#include "storage/op/delete_organization.h"

#include <stdlib.h>
#include <string.h>

#include "base/core/check.h"
#include "storage/memory/memory_family.h"
#include "storage/memory/memory_op.h"

static void delete_runs(struct memory_tables *t, struct store_delete_organization *d, int *left) {
    for (size_t i = t->run_count; i > 0 && *left > 0; i--) {
        struct memory_run *run = t->runs[i - 1];
        if (slice_equal(run->record.organization, d->name)) {
            struct slice id = arena_copy(d->op.arena, run->record.id);
            struct slice parent_id = arena_copy(d->op.arena, run->parent_id);
            memory_tables_delete_run(t, run);
            memory_family_leave(t, d->name, id, parent_id);
            d->ret_deleted++;
            (*left)--;
        }
    }
}

// What tells of earlier deletions.
static void delete_gone(struct memory_tables *t, const struct memory_organization *o, int *left) {
    for (int64_t i = 0; i<o->revision && * left> 0; i++) {
        if (o->events[i] != NULL && o->events[i]->run->is_gone) {
            memory_tables_delete_run(t, o->events[i]->run);
            (*left)--;
        }
    }
}

static void delete_jobs(struct memory_tables *t, struct slice name, int *left) {
    for (int i = t->bulks.count; i > 0 && *left > 0; i--) {
        if (slice_equal(t->bulks.items[i - 1]->record.organization, name)) {
            memory_keys_forget(&t->keys, MEMORY_KEY_OF_BULK, name,
                               t->bulks.items[i - 1]->record.id);
            memory_bulks_remove(&t->bulks, i - 1);
            (*left)--;
        }
    }
}

static void delete_tokens(struct memory_tables *t, struct slice name, int *left) {
    for (size_t i = t->token_count; i > 0 && *left > 0; i--) {
        struct token_record *token = t->tokens[i - 1];
        if (slice_equal(token->organization, name)) {
            memory_tables_free_token(token);
            t->token_count--;
            memmove(&t->tokens[i - 1], &t->tokens[i],
                    (t->token_count - (i - 1)) * sizeof(struct token_record *));
            (*left)--;
        }
    }
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_delete_organization *d = CONTAINER_OF(op, struct store_delete_organization, op);
    CHECK(d->most >= 1);
    struct memory_organization *o = memory_tables_find_organization(tables, d->name);
    d->ret_deleted = 0;
    d->ret_is_done = false;
    if (o == NULL || o->frozen_at_us == 0) {
        bool is_there =
            (o != NULL && o->revision > 0) || memory_tables_count_tokens(tables, d->name) > 0;
        return is_there ? STORE_CONFLICT : STORE_NOT_FOUND;
    }
    int left = d->most;
    o->floor = o->revision;
    delete_runs(tables, d, &left);
    delete_gone(tables, o, &left);
    delete_jobs(tables, d->name, &left);
    delete_tokens(tables, d->name, &left);
    if (left > 0) {
        d->ret_is_done = true;
        o->frozen_at_us = 0;
    }
    return STORE_OK;
}

const struct memory_op memory_delete_organization = {.run = run};
