#ifndef RUNSD_BENCH_WATCH_WATCH_REPORT_H
#define RUNSD_BENCH_WATCH_WATCH_REPORT_H

#include "base/core/strbuf.h"
#include "bench/watch/watch_engine.h"

// Appends what was seen as one JSON object, without a line feed. Pure.
void watch_report_write(const struct watch_options *options, const struct watch_report *report,
                        struct strbuf *out);

#endif
