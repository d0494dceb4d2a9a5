#ifndef RUNSD_SERVER_SERVICE_RUN_CHANGE_H
#define RUNSD_SERVER_SERVICE_RUN_CHANGE_H

#include "server/domain/run_state.h"
#include "server/service/service_call.h"
#include "storage/op/transition_run.h"

// A change of one run's status, as CancelRun and ReportRun make it.

// Sets *ret_change to the compare-and-set that event is for the run call->run_id: from every status
// that the state table lets it start from, by the caller, now. Borrows reason.
void run_change_set(const struct service_call *call, enum run_event_kind event, const char *reason,
                    struct store_transition_run *ret_change);

// Replies with what became of it: the run as it is now, NOT_FOUND / RUN_NOT_FOUND,
// FAILED_PRECONDITION / ATTEMPT_STALE or RUN_ALREADY_FINISHED, or ABORTED / RUN_CHANGED. The call
// must not be touched after it.
void run_change_reply(struct service_call *call, const struct store_transition_run *change);

#endif
