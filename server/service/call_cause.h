#ifndef RUNSD_SERVER_SERVICE_CALL_CAUSE_H
#define RUNSD_SERVER_SERVICE_CALL_CAUSE_H

#include "server/service/service_call.h"
#include "storage/run_record.h"

// What is kept of call with the event of the change that it asks for: who calls, from where, by
// which request, and why. Lives as long as the call; borrows reason, "" for none.
struct event_cause call_cause(const struct service_call *call, const char *reason);

#endif
