#include <math.h>
#include <string.h>

#include "storage/postgres/family_row.h"
#include "storage/postgres/work_internal.h"
#include "storage/postgres/work_transaction.h"

// Writes what operations changed, set by set: each set is one statement with an array for each
// column.

// Rows of one kind, which become the parameters of a statement.
struct columns {
    struct pg_params params;
    struct arena *arena;
    int count;
};

static struct columns begin_columns(struct work *work, int count) {
    struct columns c = {.arena = &work->arena, .count = count};
    pg_params_init(&c.params, c.arena);
    return c;
}

// Adds a column: value, an expression of the row, for each of rows, which are pointers.
#define COLUMN(c, TYPE, add, rows, value)                                                          \
    do {                                                                                           \
        struct pg_array array;                                                                     \
        pg_array_init(&array, (c)->arena, PG_##TYPE);                                              \
        for (int i = 0; i < (c)->count; i++) {                                                     \
            __auto_type row = (rows)[i];                                                           \
            pg_array_##add(&array, value);                                                         \
        }                                                                                          \
        pg_add_array(&(c)->params, &array);                                                        \
    } while (0)
#define BYTES(c, rows, value) COLUMN(c, BYTEA, bytes, rows, value)
#define INT8(c, rows, value)  COLUMN(c, INT8, int8, rows, value)
#define INT2(c, rows, value)  COLUMN(c, INT2, int2, rows, (int)(value))
#define BOOL(c, rows, value)  COLUMN(c, BOOL, bool, rows, value)

static void queue(struct work *work, const struct pg_statement *statement,
                  const struct columns *c) {
    pg_queue(work->connection, statement, &c->params, NULL);
}

// --- deletions ---

static const struct pg_statement delete_runs = {
    "work_delete_runs",
    "DELETE FROM run USING unnest($1::bytea[], $2::bytea[], $3::int8[]) AS w(organization, id, key)"
    " WHERE run.organization=w.organization AND run.id=w.id AND run.run_key=w.key",
};

static const struct pg_statement delete_bodies = {
    "work_delete_bodies",
    "DELETE FROM run_body WHERE run_key=ANY($1::int8[])",
};

static const struct pg_statement delete_terms = {
    "work_delete_terms",
    "DELETE FROM run_term USING unnest($1::bytea[], $2::bytea[]) AS w(organization, id)"
    " WHERE run_term.organization=w.organization AND run_term.id=w.id",
};

static const struct pg_statement delete_active = {
    "work_delete_active",
    "DELETE FROM run_active AS a USING unnest($1::bytea[], $2::int8[], $3::bytea[])"
    " AS w(organization, started_at, id) WHERE a.organization=w.organization"
    " AND a.started_at=w.started_at AND a.id=w.id",
};

static const struct pg_statement delete_events = {
    "work_delete_events",
    "DELETE FROM event USING unnest($1::bytea[], $2::bytea[], $3::int8[], $4::int8[])"
    " AS w(organization, id, oldest, newest) WHERE event.organization=w.organization"
    " AND event.id=w.id AND event.revision BETWEEN w.oldest AND w.newest",
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

static void flush_deleted_runs(struct work *work) {
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

// Deletes of runs that are not final what lists them as such.
static void flush_deleted_active(struct work *work) {
    int count;
    const struct work_deletion **d = deletions_of(work, has_active_row, &count);
    if (count > 0) {
        struct columns c = begin_columns(work, count);
        BYTES(&c, d, row->organization);
        INT8(&c, d, row->started_at_us);
        BYTES(&c, d, row->id);
        queue(work, &delete_active, &c);
    }
}

// The events of the transaction are written before.
static void flush_deleted_events(struct work *work) {
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

// --- runs ---

// The key of a row is drawn first: two tables have it.
static const struct pg_statement insert_runs = {
    "work_insert_runs",
    "WITH w AS (SELECT nextval('run_run_key_seq') AS key, w.* FROM unnest($1::bytea[], $2::bytea[],"
    " $3::bytea[], $4::int2[], $5::int8[], $6::int8[], $7::int8[], $8::int8[], $9::int8[],"
    " $10::int8[], $11::int8[], $12::float8[], $13::bool[], $14::bool[], $15::bytea[],"
    " $16::bytea[])"
    " AS w(organization, id, workflow_id, status, started_at, updated_at, sequence, attempt,"
    " created_revision, newest_revision, ended_revision, total_cu, has_terms, has_parent, spec,"
    " execution_state)),"
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

static const struct pg_statement update_runs = {
    "work_update_runs",
    "UPDATE run SET status=w.status, updated_at=w.updated_at, sequence=w.sequence,"
    " attempt=w.attempt, newest_revision=w.newest_revision, ended_revision=w.ended_revision,"
    " total_cu=w.total_cu, has_terms=w.has_terms"
    " FROM unnest($1::bytea[], $2::bytea[], $3::int2[], $4::int8[], $5::int8[], $6::int8[],"
    " $7::int8[], $8::int8[], $9::float8[], $10::bool[])"
    " AS w(organization, id, status, updated_at, sequence, attempt, newest_revision,"
    " ended_revision, total_cu, has_terms)"
    " WHERE run.organization=w.organization AND run.id=w.id",
};

static const struct pg_statement update_bodies = {
    "work_update_bodies",
    "UPDATE run_body SET execution_state=w.execution_state"
    " FROM unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS w(organization, id, execution_state)"
    " JOIN run AS r ON r.organization=w.organization AND r.id=w.id"
    " WHERE run_body.run_key=r.run_key",
};

static const struct pg_statement write_terms = {
    "work_write_terms",
    "INSERT INTO run_term(organization, id, workflow_id, started_at, status, dispatch,"
    " fails_on_lease_loss, on_timeout, timeout_at, waiting_timeout, holder, lease, waiting_until,"
    " due_at, stopped_at, is_open)"
    " SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::int8[], $5::int2[],"
    " $6::int2[], $7::bool[], $8::int2[], $9::int8[], $10::int8[], $11::bytea[], $12::int8[],"
    " $13::int8[], $14::int8[], $15::int8[], $16::bool[])"
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
    "DELETE FROM lease_renewal AS n USING unnest($1::bytea[], $2::bytea[]) AS w(organization, id)"
    " WHERE n.organization=w.organization AND n.id=w.id",
};

typedef bool is_meant(const struct work_run *run);

static bool is_new(const struct work_run *run) {
    return run->change->is_new;
}

static bool is_changed(const struct work_run *run) {
    return run->change->is_changed && !run->change->is_new;
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

static void flush_changed_runs(struct work *work) {
    int count;
    const struct work_run **r = runs_of(work, is_changed, &count);
    if (count == 0) {
        return;
    }
    struct columns c = begin_columns(work, count);
    BYTES(&c, r, row->record.organization);
    BYTES(&c, r, row->record.id);
    INT2(&c, r, row->record.status);
    INT8(&c, r, row->record.updated_at_us);
    INT8(&c, r, row->record.sequence);
    INT8(&c, r, row->record.attempt);
    INT8(&c, r, row->newest_revision);
    INT8(&c, r, row->ended_revision);
    add_total(&c, r);
    BOOL(&c, r, row->change->has_term || row->change->writes_term);
    queue(work, &update_runs, &c);
}

// Of runs that became final.
static void flush_ended(struct work *work) {
    int count;
    const struct work_run **r = runs_of(work, has_ended, &count);
    if (count > 0) {
        struct columns c = begin_columns(work, count);
        BYTES(&c, r, row->record.organization);
        INT8(&c, r, row->record.started_at_us);
        BYTES(&c, r, row->record.id);
        queue(work, &delete_active, &c);
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
static void flush_noted_renewals(struct work *work) {
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

static void flush_runs(struct work *work) {
    if (work->changed_runs.count == 0) {
        return;
    }
    flush_new_runs(work);
    flush_changed_runs(work);
    flush_ended(work);
    flush_bodies(work);
    flush_terms(work);
    flush_ended_leases(work);
    struct work_run *const *all = work->changed_runs.items;
    for (int i = 0; i < work->changed_runs.count; i++) {
        struct work_run_change *change = all[i]->change;
        change->has_term = change->has_term || change->writes_term;
        change->has_active = all[i]->is_there && run_status_is_active(all[i]->record.status);
        change->is_listed = change->is_new = change->is_changed = false;
        change->writes_term = change->ends_lease = false;
        change->fields = 0;
    }
    work->changed_runs.count = 0;
}

// --- events, keys, counts, organizations ---

static const struct pg_statement insert_events = {
    "work_insert_events",
    "INSERT INTO event(organization, revision, id, kind, sequence, from_status, to_status, at,"
    " attempt, holder, actor, reason, request_id, remote_address, idempotency_key, workflow_id)"
    " SELECT * FROM unnest($1::bytea[], $2::int8[], $3::bytea[], $4::int2[], $5::int8[],"
    " $6::int2[], $7::int2[], $8::int8[], $9::int8[], $10::bytea[], $11::bytea[], $12::bytea[],"
    " $13::bytea[], $14::bytea[], $15::bytea[], $16::bytea[])",
};

static const struct pg_statement write_keys = {
    "work_write_keys",
    "INSERT INTO idempotency(name, fingerprint, at, target_kind, organization, target)"
    " SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::int8[], $4::int2[], $5::bytea[],"
    " $6::bytea[])"
    " ON CONFLICT (name) DO UPDATE SET fingerprint=excluded.fingerprint, at=excluded.at,"
    " target_kind=excluded.target_kind, organization=excluded.organization,"
    " target=excluded.target",
};

static const struct pg_statement write_counts = {
    "work_write_counts",
    "INSERT INTO run_count AS c(organization, workflow_id, running, waiting, success, failure,"
    " cancelled)"
    " SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::int8[], $4::int8[], $5::int8[],"
    " $6::int8[], $7::int8[])"
    " ON CONFLICT (organization, workflow_id) DO UPDATE SET running=c.running+excluded.running,"
    " waiting=c.waiting+excluded.waiting, success=c.success+excluded.success,"
    " failure=c.failure+excluded.failure, cancelled=c.cancelled+excluded.cancelled",
};

static const struct pg_statement update_organizations = {
    "work_update_organizations",
    "UPDATE organization AS o SET revision=w.revision, floor_revision=w.floor_revision,"
    " frozen_at=w.frozen_at, attempt_floor=w.attempt_floor, running=w.running, waiting=w.waiting,"
    " success=w.success, failure=w.failure, cancelled=w.cancelled, stored_bytes=w.stored_bytes,"
    " changed_at=clock_timestamp()"
    " FROM unnest($1::bytea[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[],"
    " $7::int8[], $8::int8[], $9::int8[], $10::int8[], $11::int8[])"
    " AS w(name, revision, floor_revision, frozen_at, attempt_floor, running, waiting, success,"
    " failure, cancelled, stored_bytes) WHERE o.name=w.name",
};

static void flush_events(struct work *work) {
    struct work_event *all = work->events.items;
    int count = work->events.count;
    if (count == 0) {
        return;
    }
    const struct work_event **e = ARENA_ARRAY(&work->arena, const struct work_event *, count);
    for (int i = 0; i < count; i++) {
        e[i] = &all[i];
    }
    struct columns c = begin_columns(work, count);
    BYTES(&c, e, row->organization);
    INT8(&c, e, row->event.revision);
    BYTES(&c, e, row->id);
    INT2(&c, e, row->event.kind);
    INT8(&c, e, row->event.sequence);
    INT2(&c, e, row->event.from);
    INT2(&c, e, row->event.to);
    INT8(&c, e, row->event.at_us);
    INT8(&c, e, row->event.attempt);
    BYTES(&c, e, row->event.holder);
    BYTES(&c, e, row->event.cause.actor);
    BYTES(&c, e, row->event.cause.reason);
    BYTES(&c, e, row->event.cause.request_id);
    BYTES(&c, e, row->event.cause.remote_address);
    BYTES(&c, e, row->event.cause.idempotency_key);
    BYTES(&c, e, row->workflow_id);
    queue(work, &insert_events, &c);
    work->events.count = 0;
}

static void flush_keys(struct work *work) {
    struct work_key *const *k = work->changed_keys.items;
    if (work->changed_keys.count == 0) {
        return;
    }
    struct columns c = begin_columns(work, work->changed_keys.count);
    BYTES(&c, k, slice_of(row->name, IDEMPOTENCY_DIGEST_BYTES));
    BYTES(&c, k, slice_of(row->fingerprint, IDEMPOTENCY_DIGEST_BYTES));
    INT8(&c, k, row->at_us);
    INT2(&c, k, row->of);
    BYTES(&c, k, row->organization);
    BYTES(&c, k, row->id);
    queue(work, &write_keys, &c);
    for (int i = 0; i < work->changed_keys.count; i++) {
        k[i]->is_listed = false;
    }
    work->changed_keys.count = 0;
}

static void flush_counts(struct work *work) {
    struct work_count *const *n = work->changed_counts.items;
    if (work->changed_counts.count == 0) {
        return;
    }
    struct columns c = begin_columns(work, work->changed_counts.count);
    BYTES(&c, n, row->organization);
    BYTES(&c, n, row->workflow_id);
    for (int status = RUN_RUNNING; status < RUN_STATUS_COUNT; status++) {
        INT8(&c, n, row->runs[status]);
    }
    queue(work, &write_counts, &c);
    memset(work->counts, 0, sizeof(work->counts));
    work->changed_counts.count = 0;
}

static void flush_organizations(struct work *work) {
    struct work_organization *const *o = work->changed_organizations.items;
    if (work->changed_organizations.count == 0) {
        return;
    }
    struct columns c = begin_columns(work, work->changed_organizations.count);
    BYTES(&c, o, row->name);
    INT8(&c, o, row->revision);
    INT8(&c, o, row->floor);
    INT8(&c, o, row->frozen_at_us);
    INT8(&c, o, row->attempt_floor);
    for (int status = RUN_RUNNING; status < RUN_STATUS_COUNT; status++) {
        INT8(&c, o, row->runs[status]);
    }
    INT8(&c, o, row->stored_bytes);
    queue(work, &update_organizations, &c);
    for (int i = 0; i < work->changed_organizations.count; i++) {
        o[i]->change->is_listed = false;
    }
    work->changed_organizations.count = 0;
}

void work_queue_flush(struct work *work) {
    flush_deleted_runs(work);
    flush_deleted_active(work);
    flush_noted_renewals(work);
    flush_runs(work);
    flush_events(work);
    flush_deleted_events(work);
    flush_keys(work);
    flush_counts(work);
    flush_organizations(work);
}

static bool has_changes(const struct work *work) {
    return work->deletions.count + work->changed_runs.count + work->events.count +
               work->changed_keys.count + work->changed_counts.count +
               work->changed_organizations.count + work->renewals.count >
           0;
}

enum pg_outcome work_flush(struct work *work) {
    if (!has_changes(work)) {
        return PG_OK;
    }
    work_queue_flush(work);
    return pg_sync(work->connection);
}
