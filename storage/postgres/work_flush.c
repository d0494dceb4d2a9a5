#include <string.h>

#include "base/core/check.h"
#include "storage/postgres/work_columns.h"
#include "storage/postgres/work_transaction.h"

// Writes what operations changed, set by set, in the one order in which it may be written.

static const struct pg_statement write_keys = {
    "work_write_keys",
    "INSERT INTO idempotency(name, fingerprint, at, target_kind, organization, target)"
    " SELECT unnest($1::bytea[]), unnest($2::bytea[]), unnest($3::int8[]), unnest($4::int2[]),"
    " unnest($5::bytea[]), unnest($6::bytea[])"
    " ON CONFLICT (name) DO UPDATE SET fingerprint=excluded.fingerprint, at=excluded.at,"
    " target_kind=excluded.target_kind, organization=excluded.organization,"
    " target=excluded.target",
};

// Events, the numbers of workflows' runs and organizations in one statement: three cost as much
// again as what they do to a few rows. None of the three looks at what another one writes.
static const struct pg_statement write_events = {
    "work_write_events",
    "WITH e AS (INSERT INTO event(organization, revision, id, kind, sequence, from_status,"
    " to_status, at, attempt, holder, actor, reason, request_id, remote_address, idempotency_key,"
    " workflow_id)"
    " SELECT unnest($1::bytea[]), unnest($2::int8[]), unnest($3::bytea[]), unnest($4::int2[]),"
    " unnest($5::int8[]), unnest($6::int2[]), unnest($7::int2[]), unnest($8::int8[]),"
    " unnest($9::int8[]), unnest($10::bytea[]), unnest($11::bytea[]), unnest($12::bytea[]),"
    " unnest($13::bytea[]), unnest($14::bytea[]), unnest($15::bytea[]), unnest($16::bytea[])),"
    " c AS (INSERT INTO run_count AS c(organization, workflow_id, running, waiting, success,"
    " failure, cancelled)"
    " SELECT unnest($17::bytea[]), unnest($18::bytea[]), unnest($19::int8[]), unnest($20::int8[]),"
    " unnest($21::int8[]), unnest($22::int8[]), unnest($23::int8[])"
    " ON CONFLICT (organization, workflow_id) DO UPDATE SET running=c.running+excluded.running,"
    " waiting=c.waiting+excluded.waiting, success=c.success+excluded.success,"
    " failure=c.failure+excluded.failure, cancelled=c.cancelled+excluded.cancelled)"
    " UPDATE organization AS o SET revision=w.revision, floor_revision=w.floor_revision,"
    " frozen_at=w.frozen_at, attempt_floor=w.attempt_floor, running=w.running, waiting=w.waiting,"
    " success=w.success, failure=w.failure, cancelled=w.cancelled, stored_bytes=w.stored_bytes,"
    " changed_at=clock_timestamp()"
    " FROM (SELECT unnest($24::bytea[]) AS name, unnest($25::int8[]) AS revision,"
    " unnest($26::int8[]) AS floor_revision, unnest($27::int8[]) AS frozen_at,"
    " unnest($28::int8[]) AS attempt_floor, unnest($29::int8[]) AS running,"
    " unnest($30::int8[]) AS waiting, unnest($31::int8[]) AS success,"
    " unnest($32::int8[]) AS failure, unnest($33::int8[]) AS cancelled,"
    " unnest($34::int8[]) AS stored_bytes) AS w WHERE o.name=w.name",
};

static void add_events(struct work *work, struct columns *c) {
    struct work_event *all = work->events.items;
    c->count = work->events.count;
    const struct work_event **e = ARENA_ARRAY(c->arena, const struct work_event *, c->count);
    for (int i = 0; i < c->count; i++) {
        e[i] = &all[i];
    }
    BYTES(c, e, row->organization);
    INT8(c, e, row->event.revision);
    BYTES(c, e, row->id);
    INT2(c, e, row->event.kind);
    INT8(c, e, row->event.sequence);
    INT2(c, e, row->event.from);
    INT2(c, e, row->event.to);
    INT8(c, e, row->event.at_us);
    INT8(c, e, row->event.attempt);
    BYTES(c, e, row->event.holder);
    BYTES(c, e, row->event.cause.actor);
    BYTES(c, e, row->event.cause.reason);
    BYTES(c, e, row->event.cause.request_id);
    BYTES(c, e, row->event.cause.remote_address);
    BYTES(c, e, row->event.cause.idempotency_key);
    BYTES(c, e, row->workflow_id);
    work->events.count = 0;
}

static void add_counts(struct work *work, struct columns *c) {
    struct work_count *const *n = work->changed_counts.items;
    c->count = work->changed_counts.count;
    BYTES(c, n, row->organization);
    BYTES(c, n, row->workflow_id);
    for (int status = RUN_RUNNING; status < RUN_STATUS_COUNT; status++) {
        INT8(c, n, row->runs[status]);
    }
    memset(work->counts, 0, sizeof(work->counts));
    work->changed_counts.count = 0;
}

static void add_organizations(struct work *work, struct columns *c) {
    struct work_organization *const *o = work->changed_organizations.items;
    c->count = work->changed_organizations.count;
    BYTES(c, o, row->name);
    INT8(c, o, row->revision);
    INT8(c, o, row->floor);
    INT8(c, o, row->frozen_at_us);
    INT8(c, o, row->attempt_floor);
    for (int status = RUN_RUNNING; status < RUN_STATUS_COUNT; status++) {
        INT8(c, o, row->runs[status]);
    }
    INT8(c, o, row->stored_bytes);
    for (int i = 0; i < c->count; i++) {
        o[i]->change->is_listed = false;
    }
    work->changed_organizations.count = 0;
}

// There is no event, and no other number of runs, but of an organization that changes.
static void flush_events(struct work *work) {
    CHECK(work->changed_organizations.count > 0 ||
          work->events.count + work->changed_counts.count == 0);
    if (work->changed_organizations.count > 0) {
        struct columns c = begin_columns(work, 0);
        add_events(work, &c);
        add_counts(work, &c);
        add_organizations(work, &c);
        queue(work, &write_events, &c);
    }
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

void work_queue_flush(struct work *work) {
    work_queue_deleted_runs(work);
    work_queue_deleted_active(work);
    work_queue_noted_renewals(work);
    work_queue_runs(work);
    flush_events(work);
    work_queue_deleted_events(work);
    flush_keys(work);
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
