#ifndef RUNSD_BASE_METRICS_METRICS_FORMAT_H
#define RUNSD_BASE_METRICS_METRICS_FORMAT_H

#include "base/core/slice.h"
#include "base/core/strbuf.h"
#include "base/metrics/metrics_snapshot.h"

// Which text format somebody gets who asks for metrics. Pure.

enum metrics_format { METRICS_PROMETHEUS_TEXT, METRICS_OPENMETRICS_TEXT };

// By the value of Accept (RFC 9110 section 12.5.1; several are joined by commas): OpenMetrics for
// who names it, in version 1.0.0 or in none, and does not prefer text/plain; else Prometheus' text,
// also for who accepts neither, as Prometheus' own libraries do.
enum metrics_format metrics_format_choose(struct slice accept);

// The format's Content-Type.
const char *metrics_format_type(enum metrics_format format);

// Appends all of the snapshot in that format.
void metrics_format_append(struct strbuf *out, enum metrics_format format,
                           const struct metrics_snapshot *snapshot);

#endif
