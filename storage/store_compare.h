#ifndef RUNSD_STORAGE_STORE_COMPARE_H
#define RUNSD_STORAGE_STORE_COMPARE_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/store_copy_ends.h"
#include "storage/store_copy_report.h"

// Reads both stores and sets ret's lines and differences. total is about how many rows one has.
// Errors, in a, are those of their reads.
const struct error *store_compare(struct arena *a, const struct store_copy_options *options,
                                  struct store_source *from, struct store_source *to, int64_t total,
                                  struct store_copy_report *ret);

// An error of a batch's arena, in a. NULL stays NULL.
const struct error *store_copy_keep_error(struct arena *a, const struct error *error);

#endif
