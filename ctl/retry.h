#ifndef RUNSD_CTL_RETRY_H
#define RUNSD_CTL_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/error.h"

// How commands that wait for something ask again.

// Whether the same call may succeed later: proxies, limits of pings and restarts end calls and
// streams with all of these codes. Not where a quota is used up: no call makes room.
bool retry_is_worth_it(const struct error *error);

// How long to wait after so many failures in a row, the last one error: up to twice as long as
// before, at most 8 s, and random, so that many do not come at once. As long as the server says
// (google.rpc.RetryInfo), where that is longer, and as much longer at random as it would be else;
// up to 2 minutes.
int64_t retry_pause_us(const struct error *error, int failures);

// Waits until an instant of clock_monotonic_us.
void retry_sleep_until(int64_t until_us);

#endif
