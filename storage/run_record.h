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
    int64_t finished_at_us; // run_finished_at_us of status and updated_at_us
    int64_t sequence;       // of the newest event; 1 after creation
    int64_t attempt;        // which execution of the run it is: only grows; 0 before any
    // Of a run to be created only, for the lists that ask by it: what a store returns may have
    // it empty, as spec has it too.
    struct slice workflow_id;
    struct slice spec;        // serialized runs.v1.Run without its mutable fields
    struct run_fields fields; // what reports replace
};

// The rule for when a run finished: with the event that made it final, which is its newest; 0
// where its status is none. Back-ends may keep it or derive it.
static inline int64_t run_finished_at_us(enum run_status status, int64_t updated_at_us) {
    return (RUN_STATUS_BIT(status) & RUN_STATUS_ACTIVE) != 0 ? 0 : updated_at_us;
}

// Who asked for a change, and how: kept with the event that it made. Any bytes, any may be
// empty.
struct event_cause {
    struct slice actor;
    struct slice reason;
    struct slice request_id;
    struct slice remote_address;  // of the client, without a port
    struct slice idempotency_key; // empty: the request had none
};

// About how many bytes cause takes.
static inline size_t event_cause_bytes(const struct event_cause *cause) {
    return cause->actor.len + cause->reason.len + cause->request_id.len +
           cause->remote_address.len + cause->idempotency_key.len;
}

// Makes each slice of cause what map returns for it.
static inline void event_cause_map(struct event_cause *cause,
                                   struct slice (*map)(void *context, struct slice value),
                                   void *context) {
    cause->actor = map(context, cause->actor);
    cause->reason = map(context, cause->reason);
    cause->request_id = map(context, cause->request_id);
    cause->remote_address = map(context, cause->remote_address);
    cause->idempotency_key = map(context, cause->idempotency_key);
}

// What happened. The numbers are stored.
enum store_event_kind {
    STORE_EVENT_CREATION = 1,
    STORE_EVENT_TRANSITION = 2,
};

// One change of a run's status.
struct run_event {
    // Which of its organization's events it is: 1, 2, 3 and so on in the order in which they
    // were committed. None is left out and none is given twice.
    int64_t revision;
    enum store_event_kind kind;
    int64_t sequence; // of the run: 1, 2, 3 and so on
    int from;         // 0 for the creation
    enum run_status to;
    int64_t at_us;
    int64_t attempt; // of the run after the change
    struct event_cause cause;
};

#endif
