#include <math.h>

#include "storage/postgres/family_row.h"
#include "storage/postgres/work_columns.h"

// Writes the rows of runs that operations added and changed.

// The key of a row is drawn first: two tables have it.
static const struct pg_statement insert_runs = {
    "work_insert_runs",
    "WITH w AS (SELECT nextval('run_run_key_seq') AS key, w.* FROM (SELECT"
    " unnest($1::bytea[]) AS organization, unnest($2::bytea[]) AS id,"
    " unnest($3::bytea[]) AS workflow_id, unnest($4::int2[]) AS status,"
    " unnest($5::int8[]) AS started_at, unnest($6::int8[]) AS updated_at,"
    " unnest($7::int8[]) AS sequence, unnest($8::int8[]) AS attempt,"
    " unnest($9::int8[]) AS created_revision, unnest($10::int8[]) AS newest_revision,"
    " unnest($11::int8[]) AS ended_revision, unnest($12::float8[]) AS total_cu,"
    " unnest($13::bool[]) AS has_terms, unnest($14::bool[]) AS has_parent,"
    " unnest($15::bytea[]) AS spec, unnest($16::bytea[]) AS execution_state) AS w),"
    " b AS (INSERT INTO run_body(run_key, spec, execution_state)"
    " SELECT key, spec, execution_state FROM w),"
    " a AS (INSERT INTO run_active(organization, started_at, id)"
    " SELECT organization, started_at, id FROM w WHERE status IN (1, 2))"
    " INSERT INTO run(run_key, organization, id, workflow_id, status, started_at, updated_at,"
    " sequence, attempt, created_revision, newest_revision, ended_revision, total_cu, has_terms,"
    " has_parent) OVERRIDING SYSTEM VALUE"
    " SELECT key, organization, id, workflow_id, status, started_at, updated_at, sequence, attempt,"
    " created_revision, newest_revision, ended_revision, total_cu, has_terms, has_parent FROM w",
};

#define UPDATE_RUNS_SQL(keys, matches)                                                             \
    "UPDATE run SET status=w.status, updated_at=w.updated_at, sequence=w.sequence,"                \
    " attempt=w.attempt, newest_revision=w.newest_revision, ended_revision=w.ended_revision,"      \
    " total_cu=w.total_cu, has_terms=w.has_terms"                                                  \
    " FROM (SELECT unnest($1::int2[]) AS status, unnest($2::int8[]) AS updated_at,"                \
    " unnest($3::int8[]) AS sequence, unnest($4::int8[]) AS attempt,"                              \
    " unnest($5::int8[]) AS newest_revision, unnest($6::int8[]) AS ended_revision,"                \
    " unnest($7::float8[]) AS total_cu, unnest($8::bool[]) AS has_terms, " keys                    \
    ") AS w WHERE " matches

// Of runs that are where they were read: no index leads to them. A row stays where it is until it
// is changed, which the lock of its organization keeps to us; the key is for what is changed by
// hand. And what lists runs that became final, as work_delete_active deletes it.
static const struct pg_statement update_read_runs = {
    "work_update_read_runs",
    "WITH d AS (" WORK_DELETE_ACTIVE_SQL("$11", "$12", "$13") ") " UPDATE_RUNS_SQL(
        "unnest($9::tid[]) AS place, unnest($10::int8[]) AS run_key",
        "run.ctid=w.place AND run.run_key=w.run_key"),
};

// Of runs that were changed since.
static const struct pg_statement update_runs = {
    "work_update_runs",
    UPDATE_RUNS_SQL("unnest($9::bytea[]) AS organization, unnest($10::bytea[]) AS id",
                    "run.organization=w.organization AND run.id=w.id"),
};

static const struct pg_statement update_bodies = {
    "work_update_bodies",
    "UPDATE run_body SET execution_state=w.execution_state"
    " FROM (SELECT unnest($1::bytea[]) AS organization, unnest($2::bytea[]) AS id,"
    " unnest($3::bytea[]) AS execution_state) AS w"
    " JOIN run AS r ON r.organization=w.organization AND r.id=w.id"
    " WHERE run_body.run_key=r.run_key",
};

static const struct pg_statement write_terms = {
    "work_write_terms",
    "INSERT INTO run_term(organization, id, workflow_id, started_at, status, dispatch,"
    " fails_on_lease_loss, on_timeout, timeout_at, waiting_timeout, holder, lease, waiting_until,"
    " due_at, stopped_at, is_open)"
    " SELECT unnest($1::bytea[]), unnest($2::bytea[]), unnest($3::bytea[]), unnest($4::int8[]),"
    " unnest($5::int2[]), unnest($6::int2[]), unnest($7::bool[]), unnest($8::int2[]),"
    " unnest($9::int8[]), unnest($10::int8[]), unnest($11::bytea[]), unnest($12::int8[]),"
    " unnest($13::int8[]), unnest($14::int8[]), unnest($15::int8[]), unnest($16::bool[])"
    " ON CONFLICT (organization, id) DO UPDATE SET status=excluded.status, holder=excluded.holder,"
    " lease=excluded.lease, waiting_until=excluded.waiting_until, due_at=excluded.due_at,"
    " stopped_at=excluded.stopped_at, is_open=excluded.is_open",
};

// In one order, so that two servers do not wait for each other in a circle; of several renewals of
// a run the one of its newest attempt counts.
static const struct pg_statement note_renewals = {
    "work_note_renewals",
    "INSERT INTO lease_renewal AS n(organization, id, attempt, lasts_until)"
    " SELECT DISTINCT ON (organization, id) organization, id, attempt,"
    " clock_timestamp()+left_us*interval '1 microsecond'"
    " FROM unnest($1::bytea[], $2::bytea[], $3::int8[], $4::int8[])"
    " AS w(organization, id, attempt, left_us)"
    " ORDER BY organization, id, attempt DESC, left_us DESC"
    " ON CONFLICT (organization, id) DO UPDATE SET attempt=excluded.attempt,"
    " lasts_until=excluded.lasts_until WHERE n.attempt<=excluded.attempt",
};

static const struct pg_statement forget_renewals = {
    "work_forget_renewals",
    "DELETE FROM lease_renewal AS n USING (SELECT unnest($1::bytea[]) AS organization,"
    " unnest($2::bytea[]) AS id) AS w"
    " WHERE n.organization=w.organization AND n.id=w.id",
};

typedef bool is_meant(const struct work_run *run);

static bool is_new(const struct work_run *run) {
    return run->change->is_new;
}

static bool is_changed(const struct work_run *run) {
    return run->change->is_changed && !run->change->is_new;
}

static bool is_changed_in_place(const struct work_run *run) {
    return is_changed(run) && run->change->has_place;
}

static bool is_changed_elsewhere(const struct work_run *run) {
    return is_changed(run) && !run->change->has_place;
}

static bool has_ended(const struct work_run *run) {
    return run->change->has_active && !run_status_is_active(run->record.status);
}

static bool has_new_body(const struct work_run *run) {
    return is_changed(run) && (run->change->fields & RUN_FIELD_BIT(EXECUTION_STATE)) != 0;
}

static bool ends_lease(const struct work_run *run) {
    return run->change->ends_lease;
}

static bool writes_term(const struct work_run *run) {
    return run->change->writes_term;
}

// Lists those of the changed runs that are meant, and are there.
static const struct work_run **runs_of(struct work *work, is_meant *meant, int *ret_count) {
    struct work_run *const *all = work->changed_runs.items;
    const struct work_run **list =
        ARENA_ARRAY(&work->arena, const struct work_run *, work->changed_runs.count);
    *ret_count = 0;
    for (int i = 0; i < work->changed_runs.count; i++) {
        if (all[i]->is_there && meant(all[i])) {
            list[(*ret_count)++] = all[i];
        }
    }
    return list;
}

// What is not a number is NULL.
static void add_total(struct columns *c, const struct work_run *const *rows) {
    struct pg_array array;
    pg_array_init(&array, c->arena, PG_FLOAT8);
    for (int i = 0; i < c->count; i++) {
        double total = rows[i]->record.fields.total_cu;
        if (isnan(total)) {
            pg_array_null(&array);
        } else {
            pg_array_float8(&array, total);
        }
    }
    pg_add_array(&c->params, &array);
}

// Also of runs without a parent: one may take the place of a run of its id that is gone.
static void queue_parents(struct work *work, const struct work_run **r, int count) {
    struct pg_family_child *children = ARENA_ARRAY(&work->arena, struct pg_family_child, count);
    for (int i = 0; i < count; i++) {
        children[i] =
            (struct pg_family_child){r[i]->record.organization, r[i]->record.id, r[i]->parent_id};
    }
    pg_family_queue_joins(work->connection, &work->arena, children, count);
}

static void flush_new_runs(struct work *work) {
    int count;
    const struct work_run **r = runs_of(work, is_new, &count);
    if (count == 0) {
        return;
    }
    struct columns c = begin_columns(work, count);
    BYTES(&c, r, row->record.organization);
    BYTES(&c, r, row->record.id);
    BYTES(&c, r, row->record.workflow_id);
    INT2(&c, r, row->record.status);
    INT8(&c, r, row->record.started_at_us);
    INT8(&c, r, row->record.updated_at_us);
    INT8(&c, r, row->record.sequence);
    INT8(&c, r, row->record.attempt);
    INT8(&c, r, row->created_revision);
    INT8(&c, r, row->newest_revision);
    INT8(&c, r, row->ended_revision);
    add_total(&c, r);
    BOOL(&c, r, row->change->writes_term);
    BOOL(&c, r, row->parent_id.len > 0);
    BYTES(&c, r, row->record.spec);
    BYTES(&c, r, row->record.fields.execution_state);
    queue(work, &insert_runs, &c);
    queue_parents(work, r, count);
}

// Adds the columns of runs that update_read_runs and update_runs have in common.
static void add_changed(struct columns *c, const struct work_run **r) {
    INT2(c, r, row->record.status);
    INT8(c, r, row->record.updated_at_us);
    INT8(c, r, row->record.sequence);
    INT8(c, r, row->record.attempt);
    INT8(c, r, row->newest_revision);
    INT8(c, r, row->ended_revision);
    add_total(c, r);
    BOOL(c, r, row->change->has_term || row->change->writes_term);
}

// Adds those that became final.
static void add_ended(struct work *work, struct columns *c) {
    const struct work_run **r = runs_of(work, has_ended, &c->count);
    BYTES(c, r, row->record.organization);
    INT8(c, r, row->record.started_at_us);
    BYTES(c, r, row->record.id);
}

// Also of those that became final.
static void flush_changed_runs(struct work *work) {
    int count;
    const struct work_run **r = runs_of(work, is_changed_in_place, &count);
    struct columns c = begin_columns(work, count);
    if (count > 0) {
        add_changed(&c, r);
        COLUMN(&c, TID, tid, r, row->change->place);
        INT8(&c, r, row->run_key);
        add_ended(work, &c);
        queue(work, &update_read_runs, &c);
    } else {
        add_ended(work, &c);
        if (c.count > 0) {
            queue(work, &work_delete_active, &c);
        }
    }
    r = runs_of(work, is_changed_elsewhere, &count);
    if (count > 0) {
        c = begin_columns(work, count);
        add_changed(&c, r);
        BYTES(&c, r, row->record.organization);
        BYTES(&c, r, row->record.id);
        queue(work, &update_runs, &c);
    }
}

static void flush_bodies(struct work *work) {
    int count;
    const struct work_run **r = runs_of(work, has_new_body, &count);
    if (count > 0) {
        struct columns c = begin_columns(work, count);
        BYTES(&c, r, row->record.organization);
        BYTES(&c, r, row->record.id);
        BYTES(&c, r, row->record.fields.execution_state);
        queue(work, &update_bodies, &c);
    }
}

static void flush_terms(struct work *work) {
    int count;
    const struct work_run **r = runs_of(work, writes_term, &count);
    if (count == 0) {
        return;
    }
    struct columns c = begin_columns(work, count);
    BYTES(&c, r, row->record.organization);
    BYTES(&c, r, row->record.id);
    BYTES(&c, r, row->record.workflow_id);
    INT8(&c, r, row->record.started_at_us);
    INT2(&c, r, row->record.status);
    INT2(&c, r, row->record.terms.dispatch);
    BOOL(&c, r, row->record.terms.fails_on_lease_loss);
    INT2(&c, r, row->record.terms.on_timeout);
    INT8(&c, r, row->record.terms.timeout_at_us);
    INT8(&c, r, row->record.terms.waiting_timeout_us);
    BYTES(&c, r, row->record.holder);
    INT8(&c, r, row->record.lease_us);
    INT8(&c, r, row->record.waiting_until_us);
    INT8(&c, r, run_record_due_us(&row->record));
    INT8(&c, r, row->record.stopped_at_us);
    BOOL(&c, r, run_record_is_open(&row->record));
    queue(work, &write_terms, &c);
}

// Before what ends leases, which has nothing left of them.
void work_queue_noted_renewals(struct work *work) {
    const struct store_renewal *const *n = work->renewals.items;
    if (work->renewals.count == 0) {
        return;
    }
    struct columns c = begin_columns(work, work->renewals.count);
    BYTES(&c, n, row->organization);
    BYTES(&c, n, row->id);
    INT8(&c, n, row->attempt);
    INT8(&c, n, row->left_us);
    queue(work, &note_renewals, &c);
    work->renewals.count = 0;
}

static void flush_ended_leases(struct work *work) {
    int count;
    const struct work_run **r = runs_of(work, ends_lease, &count);
    if (count > 0) {
        struct columns c = begin_columns(work, count);
        BYTES(&c, r, row->record.organization);
        BYTES(&c, r, row->record.id);
        queue(work, &forget_renewals, &c);
    }
}

void work_queue_runs(struct work *work) {
    if (work->changed_runs.count == 0) {
        return;
    }
    flush_new_runs(work);
    flush_changed_runs(work);
    flush_bodies(work);
    flush_terms(work);
    flush_ended_leases(work);
    struct work_run *const *all = work->changed_runs.items;
    for (int i = 0; i < work->changed_runs.count; i++) {
        struct work_run_change *change = all[i]->change;
        change->has_term = change->has_term || change->writes_term;
        change->has_place = change->has_place && !change->is_changed;
        change->has_active = all[i]->is_there && run_status_is_active(all[i]->record.status);
        change->is_listed = change->is_new = change->is_changed = false;
        change->writes_term = change->ends_lease = false;
        change->fields = 0;
    }
    work->changed_runs.count = 0;
}
