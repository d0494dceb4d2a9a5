#include "storage/postgres/event_row.h"

struct event_cause event_row_read_cause(struct arena *a, const PGresult *result, int row,
                                        int first) {
    return (struct event_cause){
        .actor = pg_copy(a, result, row, first),
        .reason = pg_copy(a, result, row, first + 1),
        .request_id = pg_copy(a, result, row, first + 2),
        .remote_address = pg_copy(a, result, row, first + 3),
        .idempotency_key = pg_copy(a, result, row, first + 4),
    };
}

struct run_event pg_event_row_read(struct arena *a, const PGresult *result, int row, int first) {
    return (struct run_event){
        .sequence = pg_int(result, row, first),
        .from = (int)pg_int(result, row, first + 1),
        .to = (enum run_status)pg_int(result, row, first + 2),
        .at_us = pg_int(result, row, first + 3),
        .revision = pg_int(result, row, first + 4),
        .kind = (enum store_event_kind)pg_int(result, row, first + 5),
        .attempt = pg_int(result, row, first + 6),
        .holder = pg_copy(a, result, row, first + 7),
        .cause = event_row_read_cause(a, result, row, first + 8),
    };
}
