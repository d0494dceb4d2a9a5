#ifndef RUNSD_CTL_STATUS_COUNTS_H
#define RUNSD_CTL_STATUS_COUNTS_H

#include "base/core/arena.h"
#include "ctl/print.h"
#include "runs/v1/bulk.pb-c.h"

// Numbers of runs by status as people read them.

// Adds a row for each to a table of two columns; the texts live in a.
void status_counts_add_rows(struct table *table, struct arena *a,
                            Runs__V1__StatusCount *const *counts, size_t count);

// The number of one status; 0 if it is not among them.
int64_t status_counts_find(Runs__V1__StatusCount *const *counts, size_t count, int status);

#endif
