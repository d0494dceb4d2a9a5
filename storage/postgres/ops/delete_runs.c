#include "storage/op/delete_runs.h"

#include "base/core/check.h"
#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"
#include "storage/postgres/run_deletion.h"

// How many bytes of runs one transaction reads, unless the first ones alone have more.
enum { MOST_BYTES = 16 << 20 };

// The events that tell of deletions of the ids $2 before $3: at most $4.
static const struct pg_statement delete_gone = {
    "deletion_gone",
    "WITH gone AS (SELECT revision FROM event WHERE organization=$1::bytea AND id=ANY($2::bytea[])"
    " AND kind=7 AND at<$3::int8 ORDER BY id, revision LIMIT $4::int4)"
    " DELETE FROM event AS e USING gone WHERE e.organization=$1::bytea AND e.revision=gone.revision"
    " RETURNING e.id, e.revision"};

static void want(struct work *work, struct store_op *op) {
    const struct store_delete_runs *d = CONTAINER_OF(op, struct store_delete_runs, op);
    work_want_organization(work, d->organization, false);
}

// What one transaction deletes.
struct deletion {
    struct work *work;
    struct store_delete_runs *d;
    bool *is_deleted; // by the place in d->ids
    int64_t events;
    int64_t bytes;
    bool is_full;
};

static void note_deleted(struct deletion *t, int place) {
    t->d->ret_deleted += !t->is_deleted[place];
    t->is_deleted[place] = true;
}

static bool has_room(struct deletion *t, const struct run_record *run) {
    t->is_full = t->is_full ||
                 (t->events > 0 &&
                  (t->events + run->sequence > PG_MOST_DELETED_EVENTS || t->bytes > MOST_BYTES));
    return !t->is_full;
}

// Deletes those of the runs from first to end that are to go.
static enum pg_outcome delete_runs(struct deletion *t, int first, int end) {
    struct slice *gone = ARENA_ARRAY(work_arena(t->work), struct slice, end - first);
    int count = 0;
    for (int i = first; i < end; i++) {
        work_want_run(t->work, t->d->organization, t->d->ids[i]);
    }
    enum pg_outcome outcome = work_load(t->work);
    for (int i = first; outcome == PG_OK && i < end; i++) {
        struct work_run *run = work_find_run(t->work, t->d->organization, t->d->ids[i]);
        if (run == NULL) {
            continue;
        }
        t->bytes += (int64_t)(run->record.spec.len + run->record.fields.execution_state.len);
        if (store_delete_runs_takes(t->d, run->record.status, run->record.finished_at_us) &&
            has_room(t, &run->record)) {
            t->events += run->record.sequence;
            gone[count++] = t->d->ids[i];
            work_delete_run(t->work, run);
            note_deleted(t, i);
        }
    }
    return outcome == PG_OK ? pg_run_deletion_follow(t->work, t->d->organization, gone, count)
                            : outcome;
}

// Deletes the old events that tell of deletions of the ids from first to end.
static enum pg_outcome delete_events(struct deletion *t, int first, int end) {
    struct work_organization *o = work_find_organization(t->work, t->d->organization);
    struct pg_params p;
    const PGresult *gone;
    pg_params_init(&p, work_arena(t->work));
    pg_add_bytes(&p, t->d->organization);
    pg_add_bytes_array(&p, &t->d->ids[first], end - first);
    pg_add_int8(&p, t->d->finished_before_us);
    pg_add_int4(&p, PG_MOST_DELETED_EVENTS);
    enum pg_outcome outcome = pg_run(work_connection(t->work), &delete_gone, &p, &gone);
    int count = outcome == PG_OK ? pg_row_count(gone) : 0;
    for (int row = 0; row < count; row++) {
        int64_t revision = pg_int(gone, row, 1);
        o->floor = revision > o->floor ? revision : o->floor;
        int place = first;
        while (place + 1 < end && !slice_equal(t->d->ids[place], pg_bytes(gone, row, 0))) {
            place++;
        }
        note_deleted(t, place);
    }
    if (count > 0) {
        work_change_organization(t->work, o);
    }
    t->events += count;
    return outcome;
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_delete_runs *d = CONTAINER_OF(op, struct store_delete_runs, op);
    CHECK(d->count >= 0 && d->count <= STORE_MOST_DELETE_RUNS);
    struct deletion t = {
        .work = work, .d = d, .is_deleted = ARENA_ARRAY(work_arena(work), bool, d->count)};
    enum pg_outcome outcome = PG_OK;
    d->ret_deleted = 0;
    op->result = STORE_OK;
    for (int i = 0; outcome == PG_OK && i < d->count && !t.is_full; i += PG_DELETED_AT_ONCE) {
        int end = i + PG_DELETED_AT_ONCE < d->count ? i + PG_DELETED_AT_ONCE : d->count;
        outcome = delete_runs(&t, i, end);
        if (outcome == PG_OK) {
            outcome = delete_events(&t, i, end);
        }
    }
    return outcome;
}

const struct postgres_op postgres_delete_runs = {.want = want, .decide = decide, .is_alone = true};
