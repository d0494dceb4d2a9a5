#ifndef RUNSD_STORAGE_MEMORY_MEMORY_STORE_H
#define RUNSD_STORAGE_MEMORY_MEMORY_STORE_H

#include "storage/run_store.h"

// The reference back-end: what run_store.h says, in the simplest way. One mutex
// guards all; every operation is answered within run_store_submit, so nothing
// waits and queue_limit means nothing. Nothing outlives the store. Never fails.
struct run_store *memory_store_new(const struct run_store_options *options);

#endif
