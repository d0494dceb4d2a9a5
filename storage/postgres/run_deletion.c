#include "storage/postgres/run_deletion.h"

#include "storage/postgres/family.h"

static const struct pg_statement delete_keys = {
    "deletion_keys", "DELETE FROM idempotency WHERE organization=$1::bytea"
                     " AND target=ANY($2::bytea[]) AND target_kind=$3::int2"};

static const struct pg_statement delete_renewals = {
    "deletion_renewals",
    "DELETE FROM lease_renewal WHERE organization=$1::bytea AND id=ANY($2::bytea[])"};

void pg_run_deletion_queue_keys(struct work *work, enum work_key_target of,
                                struct slice organization, const struct slice *ids, int count) {
    struct pg_params p;
    pg_params_init(&p, work_arena(work));
    pg_add_bytes(&p, organization);
    pg_add_bytes_array(&p, ids, count);
    pg_add_int2(&p, (int)of);
    pg_queue(work_connection(work), &delete_keys, &p, NULL);
}

enum pg_outcome pg_run_deletion_follow(struct work *work, struct slice organization,
                                       const struct slice *ids, int count) {
    if (count == 0) {
        return PG_OK;
    }
    struct pg_params p;
    pg_run_deletion_queue_keys(work, WORK_KEY_OF_RUN, organization, ids, count);
    pg_params_init(&p, work_arena(work));
    pg_add_bytes(&p, organization);
    pg_add_bytes_array(&p, ids, count);
    pg_queue(work_connection(work), &delete_renewals, &p, NULL);
    return pg_family_leave(work, organization, ids, count);
}
