#ifndef RUNSD_STORAGE_POSTGRES_EVENT_ROW_H
#define RUNSD_STORAGE_POSTGRES_EVENT_ROW_H

#include "storage/postgres/pg_row.h"
#include "storage/run_record.h"

// How the rows of table event are read.

// The columns that pg_event_row_read reads from column first on, of e, a row of event.
#define EVENT_ROW_COLUMNS                                                                          \
    "e.sequence, e.from_status, e.to_status, e.at, e.revision, e.kind, e.attempt, e.holder,"       \
    " " EVENT_ROW_CAUSE_COLUMNS

// Those that event_row_read_cause reads.
#define EVENT_ROW_CAUSE_COLUMNS                                                                    \
    "e.actor, e.reason, e.request_id, e.remote_address, e.idempotency_key"

enum { EVENT_ROW_CAUSE_COLUMN_COUNT = 5, EVENT_ROW_COLUMN_COUNT = 8 + 5 };

// With copies in a.
struct run_event pg_event_row_read(struct arena *a, const PGresult *result, int row, int first);
struct event_cause event_row_read_cause(struct arena *a, const PGresult *result, int row,
                                        int first);

#endif
