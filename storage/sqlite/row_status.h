#ifndef RUNSD_STORAGE_SQLITE_ROW_STATUS_H
#define RUNSD_STORAGE_SQLITE_ROW_STATUS_H

#include <stdbool.h>

#include "storage/run_record.h"

// What SQL says of the status of a row of table run.

// Which runs are active: the text of the index run_active, which SQLite uses for a query that
// says the same.
#define RUN_ROW_ACTIVE_SQL "status IN (1, 2)"
_Static_assert(RUN_STATUS_ACTIVE == (1u << 1 | 1u << 2),
               "stores have an index of other statuses: the schema needs a step");

// Whether status is one that a run can have; any other number is damage.
#define RUN_ROW_SOUND_SQL "status BETWEEN 1 AND 5"
_Static_assert(RUN_RUNNING == 1 && RUN_CANCELLED == 5, "the sound statuses are others");
static inline bool run_row_status_is_sound(int status) {
    return status >= RUN_RUNNING && status <= RUN_CANCELLED;
}

#endif
