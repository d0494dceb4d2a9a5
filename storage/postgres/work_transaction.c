#include "storage/postgres/work_transaction.h"

#include <stdlib.h>

#include "base/core/memory.h"
#include "storage/postgres/work_internal.h"

struct work *work_new(struct pg_connection *connection) {
    struct work *work = mem_zalloc(sizeof(*work));
    work->connection = connection;
    arena_init(&work->arena);
    return work;
}

void work_free(struct work *work) {
    if (work != NULL) {
        arena_release(&work->arena);
        free(work);
    }
}

const char *work_problem(const struct work *work) {
    return work->problem;
}

void work_begin(struct work *work) {
    if (!work->is_begun) {
        work->is_begun = true;
        pg_queue(work->connection, &pg_begin, NULL, NULL);
    }
}

int work_commits(struct work *work, struct store_commit **ret_commits) {
    struct work_organization *const *told = work->told.items;
    *ret_commits = work->told.count > 0
                       ? ARENA_ARRAY(&work->arena, struct store_commit, work->told.count)
                       : NULL;
    for (int i = 0; i < work->told.count; i++) {
        (*ret_commits)[i] = (struct store_commit){
            .organization = told[i]->name,
            .revision = told[i]->revision,
            .kinds = told[i]->change->kinds,
            .opened = told[i]->change->opened,
        };
    }
    return work->told.count;
}

void work_reset(struct work *work) {
    struct work fresh = {.connection = work->connection, .arena = work->arena};
    pg_connection_clear(work->connection);
    arena_reset(&fresh.arena);
    *work = fresh;
}
