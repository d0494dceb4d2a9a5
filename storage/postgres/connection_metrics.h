#ifndef RUNSD_STORAGE_POSTGRES_CONNECTION_METRICS_H
#define RUNSD_STORAGE_POSTGRES_CONNECTION_METRICS_H

#include <stdint.h>

#include "base/metrics/metrics.h"

// What a store tells of its connections to the database server, by what they are used for.

struct connection_metrics {
    struct metrics_family *connections; // by use and state
    struct metrics_family *reconnects;  // by use
};

// Adds the families to registry, which may be NULL.
void connection_metrics_init(struct connection_metrics *m, struct metrics *registry);

// In a collector: that of count connections for use so many are open, and how often one of them was
// opened again.
void connection_metrics_collect(const struct connection_metrics *m,
                                struct metrics_collection *collection, const char *use, int count,
                                int open, int64_t reconnects);

#endif
