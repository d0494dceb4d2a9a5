#ifndef RUNSD_STORAGE_SQLITE_READ_HEALTH_H
#define RUNSD_STORAGE_SQLITE_READ_HEALTH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "storage/op/store_op.h"
#include "storage/sqlite/part_health.h"

// Whether reading works, of all readers together. The reader whose operation failed first tries
// that operation again until it succeeds: another one's cache could hold what this one could not
// read. Thread safe.
struct read_health {
    pthread_mutex_t lock; // also while on_health is called, so that its calls come in turns
    struct part_health part;
    int prober;              // the reader that probes, while reading is broken
    struct store_op *failed; // a copy of what failed
    struct arena failed_arena;
    atomic_bool is_broken; // as part says
};

void read_health_init(struct read_health *h, struct store_failure *owner);
void read_health_release(struct read_health *h);

// Notes that op, or the probe with op NULL, failed for this reader: part_health_break.
void read_health_break(struct read_health *h, int reader, const struct store_op *op,
                       enum store_result why, const char *detail);

// For how many microseconds this reader may sleep before its probe is due; 0: for ever.
int64_t read_health_wait_us(struct read_health *h, int reader);

// Returns what this reader has to try now, a copy in a; NULL: nothing.
struct store_op *read_health_take_probe(struct read_health *h, int reader, struct arena *a);

// Notes that the probe succeeded.
void read_health_mend(struct read_health *h);

#endif
