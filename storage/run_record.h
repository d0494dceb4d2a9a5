#ifndef RUNSD_STORAGE_RUN_RECORD_H
#define RUNSD_STORAGE_RUN_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
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

// Who dispatches a run. The numbers are stored.
enum run_dispatch {
    RUN_DISPATCH_EXTERNAL = 0, // nobody may acquire it
    RUN_DISPATCH_LEASE = 1,    // whoever acquires it
};

// What the creation of a run fixed about its leases and deadlines; never changed. All 0: none
// of it.
struct run_terms {
    enum run_dispatch dispatch;
    bool fails_on_lease_loss;   // else it can be acquired again
    enum run_status on_timeout; // RUN_FAILURE or RUN_CANCELLED; 0 where it has no deadline
    int64_t timeout_at_us;      // absolute; 0: none
    int64_t waiting_timeout_us; // a span, from each time it becomes waiting; 0: none
};

// A run as it is stored: the immutable part as the bytes that CreateRun made, the mutable one
// apart from it.
struct run_record {
    struct slice organization;
    struct slice id;
    enum run_status status;
    int64_t started_at_us;
    int64_t updated_at_us;  // of the newest event but that of a stop
    int64_t finished_at_us; // run_finished_at_us of status and updated_at_us
    int64_t sequence;       // of the newest event; 1 after creation
    // Which execution of the run it is; 0 before any. Grows with each acquisition, the first of
    // which may be that of the creation, to run_attempt_after, and never changes otherwise.
    int64_t attempt;
    struct run_terms terms;
    struct slice holder;      // of the lease; empty: nobody. A final run has none
    int64_t lease_us;         // the duration of the holder's lease; 0: nobody holds it
    int64_t waiting_until_us; // absolute; 0: it is not waiting, or has no waiting_timeout_us
    int64_t stopped_at_us;    // when the work of the cancelled run had stopped; 0: not known
    // Of a run to be created only, for the lists that ask by it: what a store returns may have
    // it empty, as spec has it too.
    struct slice workflow_id;
    struct slice spec;        // serialized runs.v1.Run without its mutable fields
    struct run_fields fields; // what reports replace
};

static inline bool run_status_is_active(enum run_status status) {
    return (RUN_STATUS_BIT(status) & RUN_STATUS_ACTIVE) != 0;
}

// The rule for when a run finished: with the event that made it final, which is its newest but
// that of a stop; 0 where its status is none. Back-ends may keep it or derive it.
static inline int64_t run_finished_at_us(enum run_status status, int64_t updated_at_us) {
    return run_status_is_active(status) ? 0 : updated_at_us;
}

// Returns the instant that is span_us after at_us, both at least 0, or the last one there is.
static inline int64_t run_instant_after(int64_t at_us, int64_t span_us) {
    return at_us <= INT64_MAX - span_us ? at_us + span_us : INT64_MAX;
}

// Returns when the run is to be ended by its terms: the sooner of its deadlines; 0: it has none,
// or is final.
static inline int64_t run_record_due_us(const struct run_record *run) {
    int64_t timeout_us = run->terms.timeout_at_us;
    int64_t waiting_us = run->waiting_until_us;
    if (!run_status_is_active(run->status)) {
        return 0;
    }
    return timeout_us == 0 || (waiting_us != 0 && waiting_us < timeout_us) ? waiting_us
                                                                           : timeout_us;
}

// Whether the run can be acquired. The attempt after the largest one would not be a larger one.
static inline bool run_record_is_open(const struct run_record *run) {
    return run->terms.dispatch == RUN_DISPATCH_LEASE && run_status_is_active(run->status) &&
           run->holder.len == 0 && run->attempt < INT64_MAX;
}

// Returns the attempt that follows one: the next number above it and above floor. A floor is 0
// until a run is deleted, whose attempts it is not below, or the store is put back to an earlier
// moment: from then on it is above all attempts that may have been given after that moment. So no
// number is given to two executors, neither of a run nor of one that has its id.
static inline int64_t run_attempt_after(int64_t attempt, int64_t floor) {
    return (attempt > floor ? attempt : floor) + 1;
}

// Whether the run has anything of what most runs have not: terms, a holder, a stop that was
// acknowledged. Back-ends may keep this apart.
static inline bool run_record_has_terms(const struct run_record *run) {
    const struct run_terms *t = &run->terms;
    return t->dispatch != RUN_DISPATCH_EXTERNAL || t->fails_on_lease_loss || t->on_timeout != 0 ||
           t->timeout_at_us != 0 || t->waiting_timeout_us != 0 || run->holder.len != 0 ||
           run->stopped_at_us != 0;
}

// Sets what follows from the status that the run has since updated_at_us.
static inline void run_record_settle(struct run_record *run) {
    run->finished_at_us = run_finished_at_us(run->status, run->updated_at_us);
    run->waiting_until_us =
        run->status == RUN_WAITING && run->terms.waiting_timeout_us != 0
            ? run_instant_after(run->updated_at_us, run->terms.waiting_timeout_us)
            : 0;
    if (!run_status_is_active(run->status)) {
        run->holder = SLICE_EMPTY;
        run->lease_us = 0;
    }
}

// Makes the run that of its next event, at at_us, but no sooner than the event before: time
// never runs backwards within a run.
static inline void run_record_advance(struct run_record *run, int64_t at_us) {
    run->updated_at_us = at_us > run->updated_at_us ? at_us : run->updated_at_us;
    run->sequence++;
}

// Makes the run that of its next event, by which it becomes to, another status than it has.
static inline void run_record_become(struct run_record *run, enum run_status to, int64_t at_us) {
    run_record_advance(run, at_us);
    run->status = to;
    run_record_settle(run);
}

// Returns a copy in a with all it points at, but for the workflow_id, which stays out.
struct run_record run_record_copy(struct arena *a, const struct run_record *record);

// The actor of what the server does by itself; no token has that name.
#define EVENT_ACTOR_SERVER "runsd"

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

// Returns a copy in a with all it points at.
struct event_cause event_cause_copy(struct arena *a, const struct event_cause *cause);

// What happened. The numbers are stored.
enum store_event_kind {
    STORE_EVENT_CREATION = 1,
    STORE_EVENT_TRANSITION = 2,
    STORE_EVENT_ACQUISITION = 3, // by an executor: an attempt began
    STORE_EVENT_RELEASE = 4,     // the holder gave the lease back
    STORE_EVENT_LEASE_LOSS = 5,  // the lease ended; the run may have become a failure by it
    STORE_EVENT_STOP = 6,        // the work of the cancelled run had stopped
    STORE_EVENT_DELETION = 7,    // the run was deleted; it is not in its history, but in the feed
};

// One change of a run: of its status, or of who holds it (from is to then).
struct run_event {
    // Which of its organization's events it is: 1, 2, 3 and so on in the order in which they
    // were committed. None is given twice; at most the floor of the organization's feed some are of
    // events that were deleted (storage/op/delete_runs.h).
    int64_t revision;
    enum store_event_kind kind;
    int64_t sequence; // of the run: 1, 2, 3 and so on
    int from;         // 0 for the creation
    enum run_status to;
    int64_t at_us;
    int64_t attempt; // of the run after the change
    // Who held the run when it happened: the new holder of an acquisition, who had the lease
    // that was released or lost, who held the run that became final. Empty: nobody.
    struct slice holder;
    struct event_cause cause;
};

// Returns when the event of kind that made the run what it is happened.
static inline int64_t run_event_at_us(enum store_event_kind kind, const struct run_record *run) {
    return kind == STORE_EVENT_STOP ? run->stopped_at_us : run->updated_at_us;
}

// Returns the holder that the event of kind has, which made the run before what it is after; of a
// creation before is what was asked for.
static inline struct slice run_event_holder(enum store_event_kind kind,
                                            const struct run_record *before,
                                            const struct run_record *after) {
    return kind == STORE_EVENT_ACQUISITION ? after->holder : before->holder;
}

#endif
