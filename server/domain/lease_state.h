#ifndef RUNSD_SERVER_DOMAIN_LEASE_STATE_H
#define RUNSD_SERVER_DOMAIN_LEASE_STATE_H

#include "storage/run_record.h"

// The state machine of a run's lease, beside that of its status (server/domain/run_state.h): one
// table, [state][event] = next. Pure. docs/state-machine.md shows it and is generated from it.

enum lease_state {
    LEASE_NONE = 1, // the run is dispatched elsewhere: nobody can acquire it
    LEASE_OPEN = 2, // nobody holds it, and it can be acquired
    LEASE_HELD = 3, // an executor holds it
    LEASE_OVER = 4, // the run is final, which ends any lease
};

enum { LEASE_STATE_COUNT = 5 };

enum lease_event_kind {
    LEASE_EVENT_ACQUIRE, // an attempt begins
    LEASE_EVENT_RENEW,
    LEASE_EVENT_RELEASE,
    LEASE_EVENT_EXPIRE,         // its end passed, and the run can be acquired again
    LEASE_EVENT_EXPIRE_FAILING, // its end passed, and the run fails (on_lease_loss)
    LEASE_EVENT_FINISH,         // the run became final for another reason
};

enum { LEASE_EVENT_COUNT = 6 };

// Returns the state after event in state; 0 if it is refused there.
int lease_state_next(int state, enum lease_event_kind event);

// Returns the state that the run is in.
enum lease_state lease_state_of(const struct run_record *run);

// Returns the event that the end of a lease of the run is.
enum lease_event_kind lease_state_loss(const struct run_terms *terms);

// Returns "none" and so on; "unspecified" for a number that is no state.
const char *lease_state_word(int state);

// Returns "acquire" and so on.
const char *lease_event_word(enum lease_event_kind event);

#endif
