#ifndef RUNSD_SERVER_DOMAIN_RUN_EVENT_CODEC_H
#define RUNSD_SERVER_DOMAIN_RUN_EVENT_CODEC_H

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"
#include "storage/run_record.h"

// How an event of a run is sent, in ListRunEvents and WatchRuns alike. Pure.

// Appends field number of an enclosing message: the serialized runs.v1.RunEvent of event, which
// happened to the run. Takes a little of a.
void run_event_put(struct strbuf *b, struct arena *a, uint32_t number, struct slice run_id,
                   const struct run_event *event);

#endif
