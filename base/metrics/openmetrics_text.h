#ifndef RUNSD_BASE_METRICS_OPENMETRICS_TEXT_H
#define RUNSD_BASE_METRICS_OPENMETRICS_TEXT_H

#include "base/core/strbuf.h"
#include "base/metrics/metrics_snapshot.h"

// OpenMetrics' text format, version 1.0.0, without timestamps, exemplars and "_created". Source:
// OpenObservability/OpenMetrics, specification/OpenMetrics.md. Pure.

#define OPENMETRICS_TEXT_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

// Appends all of the snapshot, and the line that ends it.
void openmetrics_text_append(struct strbuf *out, const struct metrics_snapshot *snapshot);

#endif
