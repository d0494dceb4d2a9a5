#include "storage/postgres/work_columns.h"

// Deletes the rows of runs that operations deleted.

static const struct pg_statement delete_runs = {
    "work_delete_runs",
    "DELETE FROM run USING (SELECT unnest($1::bytea[]) AS organization, unnest($2::bytea[]) AS id,"
    " unnest($3::int8[]) AS key) AS w"
    " WHERE run.organization=w.organization AND run.id=w.id AND run.run_key=w.key",
};

static const struct pg_statement delete_bodies = {
    "work_delete_bodies",
    "DELETE FROM run_body WHERE run_key=ANY($1::int8[])",
};

static const struct pg_statement delete_terms = {
    "work_delete_terms",
    "DELETE FROM run_term USING (SELECT unnest($1::bytea[]) AS organization,"
    " unnest($2::bytea[]) AS id) AS w"
    " WHERE run_term.organization=w.organization AND run_term.id=w.id",
};

static const struct pg_statement delete_events = {
    "work_delete_events",
    "DELETE FROM event USING (SELECT unnest($1::bytea[]) AS organization,"
    " unnest($2::bytea[]) AS id, unnest($3::int8[]) AS oldest, unnest($4::int8[]) AS newest) AS w"
    " WHERE event.organization=w.organization"
    " AND event.id=w.id AND event.revision BETWEEN w.oldest AND w.newest",
};

const struct pg_statement work_delete_active = {
    "work_delete_active",
    WORK_DELETE_ACTIVE_SQL("$1", "$2", "$3"),
};

static bool has_rows(const struct work_deletion *d) {
    return d->run_key != 0;
}

static bool has_active_row(const struct work_deletion *d) {
    return d->has_active;
}

// Lists pointers to those of the deletions that are meant; NULL: all.
static const struct work_deletion **
deletions_of(struct work *work, bool (*meant)(const struct work_deletion *d), int *ret_count) {
    const struct work_deletion *all = work->deletions.items;
    const struct work_deletion **list =
        ARENA_ARRAY(&work->arena, const struct work_deletion *, work->deletions.count);
    *ret_count = 0;
    for (int i = 0; i < work->deletions.count; i++) {
        if (meant == NULL || meant(&all[i])) {
            list[(*ret_count)++] = &all[i];
        }
    }
    return list;
}

void work_queue_deleted_runs(struct work *work) {
    int count;
    const struct work_deletion **d = deletions_of(work, has_rows, &count);
    if (count == 0) {
        return;
    }
    struct columns runs = begin_columns(work, count);
    BYTES(&runs, d, row->organization);
    BYTES(&runs, d, row->id);
    INT8(&runs, d, row->run_key);
    queue(work, &delete_runs, &runs);
    struct columns bodies = begin_columns(work, count);
    INT8(&bodies, d, row->run_key);
    queue(work, &delete_bodies, &bodies);
    struct columns terms = begin_columns(work, count);
    BYTES(&terms, d, row->organization);
    BYTES(&terms, d, row->id);
    queue(work, &delete_terms, &terms);
}

void work_queue_deleted_active(struct work *work) {
    int count;
    const struct work_deletion **d = deletions_of(work, has_active_row, &count);
    if (count > 0) {
        struct columns c = begin_columns(work, count);
        BYTES(&c, d, row->organization);
        INT8(&c, d, row->started_at_us);
        BYTES(&c, d, row->id);
        queue(work, &work_delete_active, &c);
    }
}

void work_queue_deleted_events(struct work *work) {
    int count;
    const struct work_deletion **d = deletions_of(work, NULL, &count);
    if (count > 0) {
        struct columns events = begin_columns(work, count);
        BYTES(&events, d, row->organization);
        BYTES(&events, d, row->id);
        INT8(&events, d, row->created_revision);
        INT8(&events, d, row->newest_revision);
        queue(work, &delete_events, &events);
    }
    work->deletions.count = 0;
}
