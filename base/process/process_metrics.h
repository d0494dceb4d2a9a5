#ifndef RUNSD_BASE_PROCESS_PROCESS_METRICS_H
#define RUNSD_BASE_PROCESS_PROCESS_METRICS_H

#include "base/log/log.h"
#include "base/metrics/metrics.h"

// What every program tells of its process, under the names that Prometheus' own clients use
// (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics), of malloc, of
// its log and of its build.

struct process_metrics;

// Adds it to metrics, which outlives it, as does log. NULL, which does nothing, if that is NULL.
struct process_metrics *process_metrics_start(struct metrics *metrics, const struct logger *log);

// NULL is ignored.
void process_metrics_stop(struct process_metrics *process);

#endif
