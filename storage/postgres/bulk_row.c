#include "storage/postgres/bulk_row.h"

static const struct pg_statement lock_job = {
    "bulk_lock", "SELECT " PG_BULK_COLUMNS " FROM bulk WHERE organization=$1::bytea"
                 " AND id=$2::bytea AND " PG_BULK_IS_THERE_SQL " FOR UPDATE"};

// What a step changes is from $1 to $16, in the order of add_changing.
static const struct pg_statement insert_job = {
    "bulk_insert",
    "INSERT INTO bulk(state, is_collected, cursor_at, cursor_id, parent_id, started_at,"
    " finished_at, total, cancelled, already_final, not_found, actor, reason, request_id,"
    " remote_address, idempotency_key, organization, id, is_dry_run, cascades, has_filter,"
    " statuses, workflow_id, source_run_id, holder, started_after, started_before, created_at,"
    " as_of_revision) VALUES($1::int2, $2::bool, $3::int8, $4::bytea, $5::bytea, $6::int8,"
    " $7::int8, $8::int8, $9::int8, $10::int8, $11::int8, $12::bytea, $13::bytea, $14::bytea,"
    " $15::bytea, $16::bytea, $17::bytea, $18::bytea, $19::bool, $20::bool, $21::bool,"
    " $22::int4, $23::bytea, $24::bytea, $25::bytea, $26::int8, $27::int8, $28::int8,"
    " $29::int8) RETURNING bulk_key"};

static const struct pg_statement update_job = {
    "bulk_update",
    "UPDATE bulk SET state=$1::int2, is_collected=$2::bool, cursor_at=$3::int8,"
    " cursor_id=$4::bytea, parent_id=$5::bytea, started_at=$6::int8, finished_at=$7::int8,"
    " total=$8::int8, cancelled=$9::int8, already_final=$10::int8, not_found=$11::int8,"
    " actor=$12::bytea, reason=$13::bytea, request_id=$14::bytea, remote_address=$15::bytea,"
    " idempotency_key=$16::bytea WHERE bulk_key=$17::int8"};

void pg_bulk_row_read(struct arena *a, const PGresult *result, int row, struct bulk_record *ret,
                      struct pg_bulk_row *ret_row) {
    *ret = (struct bulk_record){
        .organization = pg_copy(a, result, row, 1),
        .id = pg_copy(a, result, row, 2),
        .state = (enum bulk_state)pg_int(result, row, 3),
        .is_dry_run = pg_bool(result, row, 4),
        .cascades = pg_bool(result, row, 5),
        .has_filter = pg_bool(result, row, 6),
        .filter =
            {
                .statuses = (uint32_t)pg_int(result, row, 7),
                .workflow_id = pg_copy(a, result, row, 8),
                .source_run_id = pg_copy(a, result, row, 9),
                .holder = pg_copy(a, result, row, 10),
                .started_after_us = pg_int(result, row, 11),
                .started_before_us = pg_int(result, row, 12),
            },
        .created_at_us = pg_int(result, row, 17),
        .started_at_us = pg_int(result, row, 18),
        .finished_at_us = pg_int(result, row, 19),
        .total = pg_int(result, row, 20),
        .cancelled = pg_int(result, row, 21),
        .already_final = pg_int(result, row, 22),
        .not_found = pg_int(result, row, 23),
        .cause =
            {
                .actor = pg_copy(a, result, row, 24),
                .reason = pg_copy(a, result, row, 25),
                .request_id = pg_copy(a, result, row, 26),
                .remote_address = pg_copy(a, result, row, 27),
                .idempotency_key = pg_copy(a, result, row, 28),
            },
    };
    if (ret_row != NULL) {
        *ret_row = (struct pg_bulk_row){
            .key = pg_int(result, row, 0),
            .is_collected = pg_bool(result, row, 13),
            .cursor_at_us = pg_int(result, row, 14),
            .cursor_id = pg_copy(a, result, row, 15),
            .parent_id = pg_copy(a, result, row, 16),
            .as_of_revision = pg_int(result, row, 29),
        };
    }
}

enum pg_outcome pg_bulk_row_lock(struct work *work, struct arena *a, struct slice organization,
                                 struct slice id, struct bulk_record *ret,
                                 struct pg_bulk_row *ret_row, bool *ret_found) {
    struct pg_params p;
    const PGresult *found;
    pg_params_init(&p, work_arena(work));
    pg_add_bytes(&p, organization);
    pg_add_bytes(&p, id);
    enum pg_outcome outcome = pg_run(work_connection(work), &lock_job, &p, &found);
    if (outcome != PG_OK) {
        return outcome;
    }
    *ret_found = pg_row_count(found) > 0;
    if (*ret_found) {
        pg_bulk_row_read(a, found, 0, ret, ret_row);
    }
    return PG_OK;
}

// Adds what a job's row has of what may change.
static void add_changing(struct pg_params *p, const struct bulk_record *bulk,
                         const struct pg_bulk_row *row) {
    pg_add_int2(p, (int)bulk->state);
    pg_add_bool(p, row->is_collected);
    pg_add_int8(p, row->cursor_at_us);
    pg_add_bytes(p, row->cursor_id);
    pg_add_bytes(p, row->parent_id);
    pg_add_int8(p, bulk->started_at_us);
    pg_add_int8(p, bulk->finished_at_us);
    pg_add_int8(p, bulk->total);
    pg_add_int8(p, bulk->cancelled);
    pg_add_int8(p, bulk->already_final);
    pg_add_int8(p, bulk->not_found);
    pg_add_bytes(p, bulk->cause.actor);
    pg_add_bytes(p, bulk->cause.reason);
    pg_add_bytes(p, bulk->cause.request_id);
    pg_add_bytes(p, bulk->cause.remote_address);
    pg_add_bytes(p, bulk->cause.idempotency_key);
}

enum pg_outcome pg_bulk_row_insert(struct work *work, const struct bulk_record *bulk,
                                   struct pg_bulk_row *row) {
    struct pg_params p;
    const PGresult *inserted;
    pg_params_init(&p, work_arena(work));
    add_changing(&p, bulk, row);
    pg_add_bytes(&p, bulk->organization);
    pg_add_bytes(&p, bulk->id);
    pg_add_bool(&p, bulk->is_dry_run);
    pg_add_bool(&p, bulk->cascades);
    pg_add_bool(&p, bulk->has_filter);
    pg_add_int4(&p, (int32_t)bulk->filter.statuses);
    pg_add_bytes(&p, bulk->filter.workflow_id);
    pg_add_bytes(&p, bulk->filter.source_run_id);
    pg_add_bytes(&p, bulk->filter.holder);
    pg_add_int8(&p, bulk->filter.started_after_us);
    pg_add_int8(&p, bulk->filter.started_before_us);
    pg_add_int8(&p, bulk->created_at_us);
    pg_add_int8(&p, row->as_of_revision);
    enum pg_outcome outcome = pg_run(work_connection(work), &insert_job, &p, &inserted);
    if (outcome == PG_OK) {
        row->key = pg_int(inserted, 0, 0);
    }
    return outcome;
}

void pg_bulk_row_queue_update(struct work *work, const struct bulk_record *bulk,
                              const struct pg_bulk_row *row) {
    struct pg_params p;
    pg_params_init(&p, work_arena(work));
    add_changing(&p, bulk, row);
    pg_add_int8(&p, row->key);
    pg_queue(work_connection(work), &update_job, &p, NULL);
}
