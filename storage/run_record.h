#ifndef RUNSD_STORAGE_RUN_RECORD_H
#define RUNSD_STORAGE_RUN_RECORD_H

#include <stdint.h>

#include "base/core/slice.h"
#include "storage/run_fields.h"

// A run and its events as every back-end keeps them.

// Numbered as runs.v1.RunStatus.
enum run_status {
    RUN_RUNNING = 1,
    RUN_WAITING = 2,
    RUN_SUCCESS = 3,
    RUN_FAILURE = 4,
    RUN_CANCELLED = 5,
};

enum { RUN_STATUS_COUNT = 6 };

// A set of statuses, as bits.
#define RUN_STATUS_BIT(status) (1u << (status))
#define RUN_STATUS_ALL         0x3Eu

// The statuses that are not final. What SQL and the state table (server/domain/run_state.h)
// say of it is compared with this one.
#define RUN_STATUS_ACTIVE (RUN_STATUS_BIT(RUN_RUNNING) | RUN_STATUS_BIT(RUN_WAITING))

// A run as it is stored: the immutable part as the bytes that CreateRun made, the mutable one
// apart from it.
struct run_record {
    struct slice organization;
    struct slice id;
    enum run_status status;
    int64_t started_at_us;
    int64_t updated_at_us;  // of the newest event
    int64_t finished_at_us; // 0 until the status is final
    int64_t sequence;       // of the newest event; 1 after creation
    struct slice workflow_id;
    struct slice spec;        // serialized runs.v1.Run without its mutable fields
    struct run_fields fields; // what reports replace
};

// One change of a run's status.
struct run_event {
    int64_t sequence;
    int from; // 0 for the creation
    enum run_status to;
    int64_t at_us;
    struct slice actor;
    struct slice reason;
};

#endif
