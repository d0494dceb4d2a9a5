#ifndef RUNSD_SERVER_SERVICE_BULK_REPLY_H
#define RUNSD_SERVER_SERVICE_BULK_REPLY_H

#include "server/service/service_call.h"
#include "storage/bulk_record.h"

// Replies with the bulk cancel, and the ids of sample; the call must not be touched after it.
void bulk_reply(struct service_call *call, const struct bulk_record *bulk,
                const struct slice *sample, int sample_count);

#endif
