#ifndef RUNSD_SERVER_SERVICE_RUN_REPLY_H
#define RUNSD_SERVER_SERVICE_RUN_REPLY_H

#include "server/service/service_call.h"
#include "storage/run_record.h"

// What several methods reply about one run; the call must not be touched after it.

// Replies with the run.
void run_reply(struct service_call *call, const struct run_record *run);

// Fails with NOT_FOUND / RUN_NOT_FOUND about call->run_id.
void run_reply_not_found(struct service_call *call);

#endif
