#ifndef RUNSD_BASE_METRICS_METRICS_TEXT_H
#define RUNSD_BASE_METRICS_METRICS_TEXT_H

#include "base/core/strbuf.h"
#include "base/metrics/metrics_snapshot.h"

// What the lines of both text formats have in common. Pure.

// Appends text with a backslash before each byte that is in escaped, and with "\n" for a line feed.
void metrics_text_append_escaped(struct strbuf *out, const char *text, const char *escaped);

// Appends the lines of all samples of a family, "NAME{LABEL="VALUE"} NUMBER": NAME ends in "_total"
// of a counter, in "_info" of an info, in "_bucket", "_sum" and "_count" of a histogram.
void metrics_text_append_samples(struct strbuf *out, const struct metrics_snapshot_family *family);

#endif
