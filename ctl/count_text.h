#ifndef RUNSD_CTL_COUNT_TEXT_H
#define RUNSD_CTL_COUNT_TEXT_H

#include <stdint.h>

#include "base/core/arena.h"

// Numbers as people read them. Pure.

// "1,234,567"; lives in a.
const char *count_text(struct arena *a, int64_t number);

// "1 run", "1,234 runs"; lives in a.
const char *count_text_of_runs(struct arena *a, int64_t number);

#endif
