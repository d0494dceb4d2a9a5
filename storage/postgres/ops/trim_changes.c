#include "storage/op/trim_changes.h"

#include "storage/postgres/postgres_op.h"

static void want(struct work *work, struct store_op *op) {
    const struct store_trim_changes *t = CONTAINER_OF(op, struct store_trim_changes, op);
    work_want_organization(work, t->organization, false);
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_trim_changes *t = CONTAINER_OF(op, struct store_trim_changes, op);
    struct work_organization *o = work_find_organization(work, t->organization);
    if (!o->is_there) {
        op->result = STORE_NOT_FOUND;
        return PG_OK;
    }
    t->ret_floor = store_trim_changes_floor(t, o->floor, o->revision);
    op->result = STORE_OK;
    if (t->ret_floor != o->floor) {
        o->floor = t->ret_floor;
        work_change_organization(work, o);
    }
    return PG_OK;
}

const struct postgres_op postgres_trim_changes = {.want = want, .decide = decide, .is_alone = true};
