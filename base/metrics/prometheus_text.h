#ifndef RUNSD_BASE_METRICS_PROMETHEUS_TEXT_H
#define RUNSD_BASE_METRICS_PROMETHEUS_TEXT_H

#include "base/core/strbuf.h"
#include "base/metrics/metrics_snapshot.h"

// Prometheus' text format, version 0.0.4. Source: prometheus/docs,
// content/docs/instrumenting/exposition_formats.md. Pure.

#define PROMETHEUS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

// Appends all of the snapshot. An info is a gauge here, which the format has no other word for.
void prometheus_text_append(struct strbuf *out, const struct metrics_snapshot *snapshot);

#endif
