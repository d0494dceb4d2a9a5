#ifndef RUNSD_CTL_RETRY_H
#define RUNSD_CTL_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/error.h"

// How commands that wait for something ask again.

// Whether the same call may succeed later: proxies, limits of pings and restarts end calls and
// streams with all of these codes.
bool retry_is_worth_it(const struct error *error);

// How long to wait after so many failures in a row: up to twice as long as before, at most 8 s,
// and random, so that many do not come at once.
int64_t retry_pause_us(int failures);

// Waits until an instant of clock_monotonic_us.
void retry_sleep_until(int64_t until_us);

#endif
