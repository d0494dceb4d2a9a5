#ifndef RUNSD_SERVER_DOMAIN_BULK_CODEC_H
#define RUNSD_SERVER_DOMAIN_BULK_CODEC_H

#include "base/core/arena.h"
#include "base/core/strbuf.h"
#include "storage/bulk_record.h"
#include "storage/op/list_bulk_items.h"

// How bulk cancels are replied. Pure.

// For how long after its creation a plan can be executed.
#define BULK_PLAN_LIFE_US INT64_C(3600000000)

// How many ids the sample of a reply has at most.
enum { BULK_MOST_SAMPLE = 100 };

// Appends a runs.v1.BulkCancel with the ids of sample.
void bulk_put(struct strbuf *b, struct arena *a, const struct bulk_record *bulk,
              const struct slice *sample, int sample_count);

// Appends a runs.v1.BulkCancelRun.
void bulk_put_item(struct strbuf *b, const struct store_bulk_item *item);

// Reads a number of runs.v1.BulkCancelOutcome; returns false if it is no outcome's.
bool bulk_outcome_read(int number, enum bulk_outcome *ret_outcome);

// Returns "planning" and so on, as JSON has it.
const char *bulk_state_word(enum bulk_state state);

#endif
