#include <stdlib.h>
#include <string.h>

#include "base/core/check.h"
#include "storage/postgres/event_row.h"
#include "storage/postgres/pg_row.h"
#include "storage/postgres/run_row.h"
#include "storage/postgres/work_internal.h"
#include "storage/postgres/work_transaction.h"

// Locks organizations and reads what operations decide by, set by set. Each statement has a
// snapshot of its own, so that what is read behind the lock is what is true under it.

#define ORGANIZATION_COLUMNS                                                                       \
    "name, revision, floor_revision, frozen_at, attempt_floor, running, waiting, success,"         \
    " failure, cancelled, stored_bytes"

enum { NAME, REVISION, FLOOR, FROZEN_AT, ATTEMPT_FLOOR, STATUSES, STORED_BYTES = STATUSES + 5 };

// Sorted before they are locked: all lock in one order, and none waits for another in a circle.
static const struct pg_statement lock_organizations = {
    "work_lock_organizations",
    "SELECT " ORGANIZATION_COLUMNS " FROM organization WHERE name=ANY($1::bytea[])"
    " ORDER BY name FOR NO KEY UPDATE",
};

static const struct pg_statement make_organizations = {
    "work_make_organizations",
    "INSERT INTO organization(" ORGANIZATION_COLUMNS ", changed_at)"
    " SELECT w.name, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, clock_timestamp()"
    " FROM unnest($1::bytea[]) AS w(name) ON CONFLICT DO NOTHING",
};

// Of a final run the event that made it so is read, too; of one that is held, its last renewal.
static const struct pg_statement read_runs = {
    "work_read_runs",
    "SELECT " RUN_ROW_COLUMNS ", b.run_key, CASE WHEN NOT w.is_bare THEN b.spec END,"
    " CASE WHEN NOT w.is_bare THEN b.execution_state END, " EVENT_ROW_CAUSE_COLUMNS
    ", r.workflow_id, octet_length(b.spec), r.ctid, w.place, n.attempt, n.left_us"
    " FROM (SELECT unnest($1::bytea[]) AS organization, unnest($2::bytea[]) AS id,"
    " unnest($3::bool[]) AS is_bare, generate_subscripts($1::bytea[], 1) AS place) AS w"
    " JOIN run AS r ON r.organization=w.organization AND r.id=w.id" RUN_BODY_JOIN RUN_ROW_TERM_JOIN
    " LEFT JOIN LATERAL (SELECT * FROM event WHERE r.ended_revision<>0"
    " AND event.organization=r.organization AND event.revision=r.ended_revision OFFSET 0) AS e"
    " ON true"
    " LEFT JOIN LATERAL (SELECT attempt, (extract(epoch FROM lasts_until-clock_timestamp())"
    " *1000000)::int8 AS left_us FROM lease_renewal WHERE t.holder<>''::bytea"
    " AND lease_renewal.organization=r.organization AND lease_renewal.id=r.id OFFSET 0) AS n"
    " ON true",
};

enum {
    RUN_ENDING = RUN_ROW_COLUMN_COUNT + RUN_BODY_COLUMN_COUNT,
    RUN_WORKFLOW = RUN_ENDING + EVENT_ROW_CAUSE_COLUMN_COUNT,
    RUN_SPEC_BYTES,
    RUN_TID,
    RUN_PLACE,
    RUN_RENEWED_ATTEMPT,
    RUN_RENEWED_LEFT,
};

enum { KEY_PLACE, KEY_FINGERPRINT, KEY_AT, KEY_KIND, KEY_ORGANIZATION, KEY_TARGET };

static const struct pg_statement read_keys = {
    "work_read_keys",
    "SELECT w.place, k.fingerprint, k.at, k.target_kind, k.organization, k.target"
    " FROM unnest($1::bytea[]) WITH ORDINALITY AS w(name, place)"
    " JOIN idempotency AS k ON k.name=w.name",
};

// --- organizations ---

static int compare_names(const void *a, const void *b) {
    const struct slice *x = a;
    const struct slice *y = b;
    return slice_compare(*x, *y);
}

// Returns the names of those that were wanted, in their order.
static struct slice *sorted_names(struct work *work) {
    struct work_organization *const *wanted = work->wanted_organizations.items;
    int count = work->wanted_organizations.count;
    struct slice *names = ARENA_ARRAY(&work->arena, struct slice, count);
    for (int i = 0; i < count; i++) {
        names[i] = wanted[i]->name;
    }
    qsort(names, (size_t)count, sizeof(names[0]), compare_names);
    return names;
}

static void queue_lock(struct work *work, const struct slice *names, int count,
                       const PGresult **ret) {
    struct pg_params p;
    pg_params_init(&p, &work->arena);
    pg_add_bytes_array(&p, names, count);
    pg_queue(work->connection, &lock_organizations, &p, ret);
}

static void take_organizations(struct work *work, const PGresult *result) {
    for (int row = 0; row < pg_row_count(result); row++) {
        struct work_organization *o = work_organization_of(work, pg_bytes(result, row, NAME));
        o->change->has_row = true;
        o->revision = pg_int(result, row, REVISION);
        o->is_there = o->revision > 0;
        o->floor = pg_int(result, row, FLOOR);
        o->frozen_at_us = pg_int(result, row, FROZEN_AT);
        o->attempt_floor = pg_int(result, row, ATTEMPT_FLOOR);
        for (int status = RUN_RUNNING; status < RUN_STATUS_COUNT; status++) {
            o->runs[status] = pg_int(result, row, STATUSES + status - RUN_RUNNING);
        }
        o->stored_bytes = pg_int(result, row, STORED_BYTES);
    }
}

// Adds the rows of those that are to be made and are not there, in place of the transaction: locked
// behind rows that were there already, they would be locked in another order than by who finds them
// there. *ret_made: all is to be locked and read from the beginning.
static enum pg_outcome make_missing(struct work *work, bool *ret_made) {
    struct work_organization *const *wanted = work->wanted_organizations.items;
    int count = work->wanted_organizations.count;
    struct slice *names = ARENA_ARRAY(&work->arena, struct slice, count);
    int missing = 0;
    for (int i = 0; i < count; i++) {
        if (wanted[i]->change->is_made && !wanted[i]->change->has_row) {
            names[missing++] = wanted[i]->name;
        }
    }
    *ret_made = missing > 0;
    if (missing == 0) {
        return PG_OK;
    }
    qsort(names, (size_t)missing, sizeof(names[0]), compare_names);
    struct pg_params p;
    pg_params_init(&p, &work->arena);
    pg_add_bytes_array(&p, names, missing);
    pg_queue(work->connection, &pg_rollback, NULL, NULL);
    pg_queue(work->connection, &make_organizations, &p, NULL);
    work->is_begun = false;
    return pg_sync(work->connection);
}

// --- runs and keys ---

static void queue_runs(struct work *work, const PGresult **ret) {
    struct work_run *const *wanted = work->wanted_runs.items;
    int count = work->wanted_runs.count;
    struct slice *organizations = ARENA_ARRAY(&work->arena, struct slice, count);
    struct slice *ids = ARENA_ARRAY(&work->arena, struct slice, count);
    struct pg_array bare;
    pg_array_init(&bare, &work->arena, PG_BOOL);
    for (int i = 0; i < count; i++) {
        organizations[i] = wanted[i]->record.organization;
        ids[i] = wanted[i]->record.id;
        pg_array_bool(&bare, wanted[i]->change->is_bare);
    }
    struct pg_params p;
    pg_params_init(&p, &work->arena);
    pg_add_bytes_array(&p, organizations, count);
    pg_add_bytes_array(&p, ids, count);
    pg_add_array(&p, &bare);
    pg_queue(work->connection, &read_runs, &p, ret);
}

// Returns false where it is no row of a sound run.
static bool take_run(struct work *work, struct work_run *run, const PGresult *result, int row) {
    struct run_row read;
    struct run_record record;
    if (!run_row_read_whole(&work->arena, result, row, 0, &record, &read)) {
        return false;
    }
    run->is_there = true;
    run->run_key = read.run_key;
    run->created_revision = read.created_revision;
    run->newest_revision = read.newest_revision;
    run->ended_revision = read.ended_revision;
    run->spec_bytes = pg_int(result, row, RUN_SPEC_BYTES);
    run->record = record;
    run->record.workflow_id = pg_copy(&work->arena, result, row, RUN_WORKFLOW);
    struct slice tid = pg_bytes(result, row, RUN_TID);
    CHECK(tid.len == PG_TID_BYTES);
    memcpy(run->change->place, tid.data, PG_TID_BYTES);
    run->change->has_place = true;
    run->change->has_term = read.has_terms;
    run->change->has_active = run_status_is_active(record.status);
    if (!pg_is_null(result, row, RUN_RENEWED_LEFT) &&
        pg_int(result, row, RUN_RENEWED_ATTEMPT) == record.attempt) {
        int64_t left_us = pg_int(result, row, RUN_RENEWED_LEFT);
        run->renewed_left_us = left_us != 0 ? left_us : -1;
    }
    if (read.ended_revision != 0) {
        run->change->ending = event_row_read_cause(&work->arena, result, row, RUN_ENDING);
    }
    return true;
}

static enum pg_outcome take_runs(struct work *work, const PGresult *result) {
    struct work_run *const *wanted = work->wanted_runs.items;
    for (int row = 0; row < pg_row_count(result); row++) {
        struct work_run *run = wanted[pg_int(result, row, RUN_PLACE) - 1];
        if (!take_run(work, run, result, row)) {
            work->problem = arena_printf(&work->arena, "the run %.*s is stored unsoundly",
                                         SLICE_FMT(run->record.id));
            return PG_REFUSED;
        }
        // Its organization was not there to be locked, and was made at this very moment.
        if (!run->organization->change->has_row) {
            return PG_AGAIN;
        }
    }
    for (int i = 0; i < work->wanted_runs.count; i++) {
        wanted[i]->change->state = WORK_LOADED;
    }
    work->wanted_runs.count = 0;
    return PG_OK;
}

static void queue_keys(struct work *work, const PGresult **ret) {
    struct work_key *const *wanted = work->wanted_keys.items;
    int count = work->wanted_keys.count;
    struct slice *names = ARENA_ARRAY(&work->arena, struct slice, count);
    for (int i = 0; i < count; i++) {
        names[i] = slice_of(wanted[i]->name, IDEMPOTENCY_DIGEST_BYTES);
    }
    struct pg_params p;
    pg_params_init(&p, &work->arena);
    pg_add_bytes_array(&p, names, count);
    pg_queue(work->connection, &read_keys, &p, ret);
}

// Takes what the keys lead to; a run is to be read then, too.
static void take_keys(struct work *work, const PGresult *result) {
    struct work_key *const *wanted = work->wanted_keys.items;
    for (int row = 0; row < pg_row_count(result); row++) {
        struct work_key *key = wanted[pg_int(result, row, KEY_PLACE) - 1];
        struct slice fingerprint = pg_bytes(result, row, KEY_FINGERPRINT);
        key->is_there = fingerprint.len == IDEMPOTENCY_DIGEST_BYTES;
        if (!key->is_there) {
            continue;
        }
        memcpy(key->fingerprint, fingerprint.data, IDEMPOTENCY_DIGEST_BYTES);
        key->at_us = pg_int(result, row, KEY_AT);
        key->of = (enum work_key_target)pg_int(result, row, KEY_KIND);
        key->organization = pg_copy(&work->arena, result, row, KEY_ORGANIZATION);
        key->id = pg_copy(&work->arena, result, row, KEY_TARGET);
        if (key->of == WORK_KEY_OF_RUN) {
            work_want_run(work, key->organization, key->id);
        }
    }
    for (int i = 0; i < work->wanted_keys.count; i++) {
        wanted[i]->state = WORK_LOADED;
    }
    work->wanted_keys.count = 0;
}

static void note_organizations(struct work *work) {
    struct work_organization *const *wanted = work->wanted_organizations.items;
    for (int i = 0; i < work->wanted_organizations.count; i++) {
        wanted[i]->change->state = WORK_LOADED;
    }
    work->wanted_organizations.count = 0;
}

// Reads all that is wanted at once; what that leads to, or is to be read again, is wanted
// afterwards.
static enum pg_outcome load_once(struct work *work) {
    const PGresult *organizations = NULL;
    const PGresult *runs = NULL;
    const PGresult *keys = NULL;
    bool made = false;
    work_begin(work);
    if (work->wanted_organizations.count > 0) {
        queue_lock(work, sorted_names(work), work->wanted_organizations.count, &organizations);
    }
    if (work->wanted_runs.count > 0) {
        queue_runs(work, &runs);
    }
    if (work->wanted_keys.count > 0) {
        queue_keys(work, &keys);
    }
    enum pg_outcome outcome = pg_sync(work->connection);
    if (outcome == PG_OK && organizations != NULL) {
        take_organizations(work, organizations);
        outcome = make_missing(work, &made);
    }
    if (outcome != PG_OK || made) {
        return outcome;
    }
    note_organizations(work);
    if (runs != NULL) {
        outcome = take_runs(work, runs);
    }
    if (outcome == PG_OK && keys != NULL) {
        take_keys(work, keys);
    }
    return outcome;
}

enum pg_outcome work_load(struct work *work) {
    enum pg_outcome outcome = PG_OK;
    while (outcome == PG_OK &&
           work->wanted_organizations.count + work->wanted_runs.count + work->wanted_keys.count >
               0) {
        outcome = load_once(work);
    }
    return outcome;
}
