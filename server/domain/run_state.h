#ifndef RUNSD_SERVER_DOMAIN_RUN_STATE_H
#define RUNSD_SERVER_DOMAIN_RUN_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/run_record.h"

// The state machine of a run: one table, [status][event] = next. Pure.
// docs/state-machine.md shows it and is generated from it.

// What can happen to a run after its creation.
enum run_event_kind {
    RUN_EVENT_REPORT_RUNNING,
    RUN_EVENT_REPORT_WAITING,
    RUN_EVENT_REPORT_SUCCESS,
    RUN_EVENT_REPORT_FAILURE,
    RUN_EVENT_CANCEL,
};

enum { RUN_EVENT_COUNT = 5 };

// Returns the status after event in status; 0 if it is refused there, as every
// event is in a final status.
int run_state_next(int status, enum run_event_kind event);

// Returns the RUN_STATUS_BITs of the statuses that take event.
uint32_t run_state_sources(enum run_event_kind event);

// Returns the status that event leads to: the same from every status that takes it.
enum run_status run_state_target(enum run_event_kind event);

// Returns whether status takes no event.
bool run_status_is_final(int status);

// Returns "running" and so on; "unspecified" for a number that is no status.
const char *run_status_word(int status);

// Returns "report_running" and so on.
const char *run_event_word(enum run_event_kind event);

#endif
