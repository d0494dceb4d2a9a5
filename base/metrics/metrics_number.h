#ifndef RUNSD_BASE_METRICS_METRICS_NUMBER_H
#define RUNSD_BASE_METRICS_METRICS_NUMBER_H

#include "base/core/strbuf.h"

// Numbers as both text formats spell them. Pure.

// Appends the shortest text that is read back as the same number: "12", "0.005", "1e-06", "NaN",
// "+Inf", "-Inf".
void metrics_number_append(struct strbuf *out, double value);

// The same of a bucket's bound, which is a label's value: OpenMetrics has "1.0" for 1, and both
// formats the same, so that one series has one name, whichever was asked for.
void metrics_number_append_bound(struct strbuf *out, double value);

#endif
