#include "storage/postgres/family.h"

#include "storage/postgres/pg_row.h"

// From the parent up, gone or not, and of those that are there the status.
static const struct pg_statement select_ancestors = {
    "family_ancestors", "WITH RECURSIVE ancestor(id, depth) AS (SELECT $2::bytea, 1 UNION ALL"
                        " SELECT p.parent, a.depth+1 FROM ancestor AS a JOIN run_parent AS p"
                        " ON p.organization=$1::bytea AND p.id=a.id WHERE a.depth<=$3::int4)"
                        " SELECT a.id, r.status FROM ancestor AS a LEFT JOIN run AS r"
                        " ON r.organization=$1::bytea AND r.id=a.id ORDER BY a.depth"};

static const struct pg_statement set_gone = {
    "family_set_gone", "UPDATE run_parent SET is_gone=true"
                       " WHERE organization=$1::bytea AND id=ANY($2::bytea[]) RETURNING id"};

static const struct pg_statement prune = {
    "family_prune", "DELETE FROM run_parent AS p"
                    " WHERE p.organization=$1::bytea AND p.id=ANY($2::bytea[]) AND p.is_gone"
                    " AND NOT EXISTS(SELECT 1 FROM run_parent AS c"
                    " WHERE c.organization=$1::bytea AND c.parent=p.id) RETURNING p.parent"};

// Returns what is wrong with the ancestor of id, so many generations up from c's run.
static enum store_parent judge(const struct store_create_run *c, bool is_there, int64_t status,
                               struct slice id, int depth) {
    if (!is_there && depth == 1) {
        return PARENT_MISSING;
    }
    if (!is_there && slice_equal(id, c->in.id)) {
        return PARENT_DESCENDS;
    }
    if (is_there && status == RUN_CANCELLED) {
        return PARENT_CANCELLED;
    }
    return depth > STORE_MOST_ANCESTORS ? PARENT_TOO_DEEP : PARENT_SOUND;
}

enum pg_outcome pg_family_check(struct work *work, struct store_create_run *c) {
    enum pg_outcome outcome = work_flush(work);
    if (outcome != PG_OK) {
        return outcome;
    }
    struct pg_params p;
    const PGresult *ancestors;
    pg_params_init(&p, work_arena(work));
    pg_add_bytes(&p, c->in.organization);
    pg_add_bytes(&p, c->parent_id);
    pg_add_int4(&p, STORE_MOST_ANCESTORS);
    outcome = pg_run(work_connection(work), &select_ancestors, &p, &ancestors);
    c->ret_parent = PARENT_SOUND;
    int count = outcome == PG_OK ? pg_row_count(ancestors) : 0;
    for (int i = 0; i < count && c->ret_parent == PARENT_SOUND; i++) {
        struct slice id = pg_bytes(ancestors, i, 0);
        c->ret_parent = judge(c, !pg_is_null(ancestors, i, 1), pg_int(ancestors, i, 1), id, i + 1);
        if (c->ret_parent == PARENT_CANCELLED) {
            c->ret_ancestor = arena_copy(c->op.arena, id);
        }
    }
    return outcome;
}

// Runs the statement, which takes the organization and ids and returns such, with *ids, and makes
// these what it returned.
static enum pg_outcome run_on(struct work *work, const struct pg_statement *statement,
                              struct slice organization, const struct slice **ids, int *count) {
    struct arena *a = work_arena(work);
    struct pg_params p;
    const PGresult *found;
    pg_params_init(&p, a);
    pg_add_bytes(&p, organization);
    pg_add_bytes_array(&p, *ids, *count);
    enum pg_outcome outcome = pg_run(work_connection(work), statement, &p, &found);
    if (outcome != PG_OK) {
        return outcome;
    }
    *count = pg_row_count(found);
    struct slice *next = ARENA_ARRAY(a, struct slice, *count);
    for (int i = 0; i < *count; i++) {
        next[i] = pg_bytes(found, i, 0);
    }
    *ids = next;
    return PG_OK;
}

enum pg_outcome pg_family_leave(struct work *work, struct slice organization,
                                const struct slice *ids, int count) {
    enum pg_outcome outcome =
        count > 0 ? run_on(work, &set_gone, organization, &ids, &count) : PG_OK;
    while (outcome == PG_OK && count > 0) { // a generation up each time
        outcome = run_on(work, &prune, organization, &ids, &count);
    }
    return outcome;
}
