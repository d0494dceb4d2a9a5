#ifndef RUNSD_STORAGE_SQLITE_PART_HEALTH_H
#define RUNSD_STORAGE_SQLITE_PART_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/run_store.h"
#include "storage/sqlite/store_failure.h"

// Whether reading, or changing, works. Used by one thread at a time. Operations are
// tried in any case, but only the thread's own probe, once in PROBE_INTERVAL_US, says that the
// part works again. So health comes back without traffic, and neither flaps nor fills the log
// when small operations succeed among large ones that do not.
struct part_health {
    enum store_part part;
    struct store_failure *owner; // whose log and callbacks are used
    bool is_broken;
    enum store_result why;
    int64_t probe_at_us; // when the next probe is due; 0 while all is well
};

enum { PROBE_INTERVAL_US = 1000000 };

void part_health_init(struct part_health *h, enum store_part part, struct store_failure *owner);

// Notes that an operation or a probe failed. The first time, and when the reason changes, it
// is logged; the first time on_health is called.
void part_health_break(struct part_health *h, enum store_result why, const char *detail);

// Notes that the probe succeeded.
void part_health_mend(struct part_health *h);

// For how many microseconds the thread may sleep before a probe is due; 0: for ever.
int64_t part_health_wait_us(const struct part_health *h);

// Whether a probe is due; the next one then is in PROBE_INTERVAL_US.
bool part_health_take_probe(struct part_health *h);

#endif
