#include "storage/postgres/run_row.h"

#include <math.h>

// The columns, from the first one on.
enum {
    ORGANIZATION,
    ID,
    STATUS,
    STARTED_AT,
    UPDATED_AT,
    SEQUENCE,
    ATTEMPT,
    TOTAL_CU,
    RUN_KEY,
    CREATED_REVISION,
    NEWEST_REVISION,
    ENDED_REVISION,
    HAS_TERMS,
    DISPATCH,
    FAILS_ON_LEASE_LOSS,
    ON_TIMEOUT,
    TIMEOUT_AT,
    WAITING_TIMEOUT,
    HOLDER,
    LEASE,
    WAITING_UNTIL,
    STOPPED_AT,
    COLUMN_COUNT,
};
_Static_assert((int)COLUMN_COUNT == RUN_ROW_COLUMN_COUNT, "each column has a name");

// Those of the body.
enum { BODY_KEY, SPEC, EXECUTION_STATE, BODY_COLUMN_COUNT };
_Static_assert((int)BODY_COLUMN_COUNT == RUN_BODY_COLUMN_COUNT, "each column has a name");

_Static_assert(RUN_FIELD_COUNT == 2, "each field has a column");

static void read_terms(struct arena *a, const PGresult *result, int row, int first,
                       struct run_record *ret) {
    ret->terms = (struct run_terms){
        .dispatch = (enum run_dispatch)pg_int(result, row, first + DISPATCH),
        .fails_on_lease_loss = pg_bool(result, row, first + FAILS_ON_LEASE_LOSS),
        .on_timeout = (enum run_status)pg_int(result, row, first + ON_TIMEOUT),
        .timeout_at_us = pg_int(result, row, first + TIMEOUT_AT),
        .waiting_timeout_us = pg_int(result, row, first + WAITING_TIMEOUT),
    };
    ret->holder = pg_copy(a, result, row, first + HOLDER);
    ret->lease_us = pg_int(result, row, first + LEASE);
    ret->waiting_until_us = pg_int(result, row, first + WAITING_UNTIL);
    ret->stopped_at_us = pg_int(result, row, first + STOPPED_AT);
}

// Whether the row is one that the back-end writes.
static bool is_sound(const PGresult *result, int row, int first) {
    int64_t status = pg_int(result, row, first + STATUS);
    bool has_terms = pg_bool(result, row, first + HAS_TERMS);
    return status >= RUN_RUNNING && status <= RUN_CANCELLED &&
           has_terms == !pg_is_null(result, row, first + DISPATCH);
}

bool pg_run_row_read(struct arena *a, const PGresult *result, int row, int first,
                     struct run_record *ret, struct run_row *ret_row) {
    if (!is_sound(result, row, first)) {
        return false;
    }
    *ret = (struct run_record){
        .organization = pg_copy(a, result, row, first + ORGANIZATION),
        .id = pg_copy(a, result, row, first + ID),
        .status = (enum run_status)pg_int(result, row, first + STATUS),
        .started_at_us = pg_int(result, row, first + STARTED_AT),
        .updated_at_us = pg_int(result, row, first + UPDATED_AT),
        .sequence = pg_int(result, row, first + SEQUENCE),
        .attempt = pg_int(result, row, first + ATTEMPT),
    };
    ret->finished_at_us = run_finished_at_us(ret->status, ret->updated_at_us);
    ret->fields.total_cu = pg_is_null(result, row, first + TOTAL_CU)
                               ? (double)NAN
                               : pg_float8(result, row, first + TOTAL_CU);
    if (pg_bool(result, row, first + HAS_TERMS)) {
        read_terms(a, result, row, first, ret);
    }
    if (ret_row != NULL) {
        *ret_row = (struct run_row){
            .run_key = pg_int(result, row, first + RUN_KEY),
            .created_revision = pg_int(result, row, first + CREATED_REVISION),
            .newest_revision = pg_int(result, row, first + NEWEST_REVISION),
            .ended_revision = pg_int(result, row, first + ENDED_REVISION),
            .has_terms = pg_bool(result, row, first + HAS_TERMS),
        };
    }
    return true;
}

bool pg_run_body_read(struct arena *a, const PGresult *result, int row, int first,
                      struct run_record *ret) {
    if (pg_is_null(result, row, first + BODY_KEY)) {
        return false;
    }
    ret->spec = pg_copy(a, result, row, first + SPEC);
    ret->fields.execution_state = pg_copy(a, result, row, first + EXECUTION_STATE);
    return true;
}

bool run_row_read_whole(struct arena *a, const PGresult *result, int row, int first,
                        struct run_record *ret, struct run_row *ret_row) {
    struct run_record run;
    if (!pg_run_row_read(a, result, row, first, &run, ret_row) ||
        !pg_run_body_read(a, result, row, first + RUN_ROW_COLUMN_COUNT, &run)) {
        return false;
    }
    *ret = run;
    return true;
}
