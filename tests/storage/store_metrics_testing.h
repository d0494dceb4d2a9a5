#ifndef RUNSD_TESTS_STORAGE_STORE_METRICS_TESTING_H
#define RUNSD_TESTS_STORAGE_STORE_METRICS_TESTING_H

struct store_metrics;

// Makes those of a store that nobody looks at: for tests in C++, which cannot read their header.
struct store_metrics *store_metrics_testing_new(void);
void store_metrics_testing_free(struct store_metrics *m);

#endif
