#ifndef RUNSD_STORAGE_POSTGRES_DAMAGE_H
#define RUNSD_STORAGE_POSTGRES_DAMAGE_H

#include "storage/op/store_op.h"
#include "storage/postgres/pg_connection.h"

// Answers op, which reads, where the tables have what no program of ours writes: nothing is said
// that may be wrong. problem says what, and "runsctl check" finds it. Returns PG_OK.
static inline enum pg_outcome pg_answer_damage(struct store_op *op, const char *problem) {
    op->result = STORE_STOPPED;
    op->detail = arena_printf(op->arena, "the store is damaged: %s", problem);
    return PG_OK;
}

#endif
