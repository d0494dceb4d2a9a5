#include "storage/op/freeze_organization.h"

#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"

static const struct pg_statement has_tokens = {
    "organization_has_tokens", "SELECT EXISTS(SELECT 1 FROM token WHERE organization=$1::bytea)"};

// Of an organization that has tokens and no event: it may have no row yet.
static const struct pg_statement freeze_new = {
    "organization_freeze_new",
    "INSERT INTO organization AS o(name, revision, floor_revision, frozen_at, attempt_floor,"
    " running, waiting, success, failure, cancelled, stored_bytes, changed_at)"
    " VALUES($1::bytea, 0, 0, $2::int8, 0, 0, 0, 0, 0, 0, 0, clock_timestamp())"
    " ON CONFLICT (name) DO UPDATE SET frozen_at=excluded.frozen_at,"
    " changed_at=excluded.changed_at WHERE o.frozen_at=$3::int8 AND o.revision=0"};

static void want(struct work *work, struct store_op *op) {
    const struct store_freeze_organization *f =
        CONTAINER_OF(op, struct store_freeze_organization, op);
    work_want_organization(work, f->name, false);
}

// Freezes or thaws the organization, which has no event, if it has a token.
static enum pg_outcome change_new(struct work *work, struct store_freeze_organization *f,
                                  int64_t frozen_at_us) {
    struct pg_params p;
    const PGresult *found;
    pg_params_init(&p, work_arena(work));
    pg_add_bytes(&p, f->name);
    enum pg_outcome outcome = pg_run(work_connection(work), &has_tokens, &p, &found);
    if (outcome != PG_OK || !pg_bool(found, 0, 0)) {
        f->op.result = STORE_NOT_FOUND;
        return outcome;
    }
    pg_add_int8(&p, f->ret_frozen_at_us);
    pg_add_int8(&p, frozen_at_us);
    const PGresult *changed;
    outcome = pg_run(work_connection(work), &freeze_new, &p, &changed);
    return outcome == PG_OK && pg_touched(changed) == 0 ? PG_AGAIN : outcome;
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_freeze_organization *f = CONTAINER_OF(op, struct store_freeze_organization, op);
    struct work_organization *o = work_find_organization(work, f->name);
    f->ret_frozen_at_us = store_freeze_organization_at(f, o->frozen_at_us);
    op->result = STORE_OK;
    if (!o->is_there) {
        return change_new(work, f, o->frozen_at_us);
    }
    if (f->ret_frozen_at_us != o->frozen_at_us) {
        o->frozen_at_us = f->ret_frozen_at_us;
        work_change_organization(work, o);
    }
    return PG_OK;
}

const struct postgres_op postgres_freeze_organization = {
    .want = want, .decide = decide, .is_alone = true};
