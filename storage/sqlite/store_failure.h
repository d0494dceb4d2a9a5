#ifndef RUNSD_STORAGE_SQLITE_STORE_FAILURE_H
#define RUNSD_STORAGE_SQLITE_STORE_FAILURE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/log/log.h"
#include "storage/run_store.h"
#include "storage/store_metrics.h"

// Whether the store has failed. Raised once, by the writer's, a reader's or the background sync's
// thread, and never taken back: only a restart finds out what the file holds.
// Read by any thread.
struct store_failure {
    atomic_bool claimed; // by the thread that raises it
    atomic_bool raised;
    char detail[512]; // written before raised is set
    const struct logger *log;
    struct store_metrics *metrics;
    void (*on_failure)(void *context, const char *detail);
    void (*on_health)(void *context, enum store_part part, bool works);
    void *context;
};

// Makes every later operation fail, logs detail and calls on_failure. Calls after the first do
// nothing.
void store_failure_raise(struct store_failure *f, const char *detail);

static inline bool store_failure_is_raised(struct store_failure *f) {
    return atomic_load_explicit(&f->raised, memory_order_acquire);
}

// Answers op, which must not have begun: STORE_STOPPED with the failure's detail.
void store_failure_answer(struct store_failure *f, struct store_op *op);

#endif
