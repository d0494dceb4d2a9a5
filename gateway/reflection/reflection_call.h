#ifndef RUNSD_GATEWAY_REFLECTION_REFLECTION_CALL_H
#define RUNSD_GATEWAY_REFLECTION_REFLECTION_CALL_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "gateway/reflection/reflection.h"

// Sends one request to a method that streams and waits for its first reply, into a.
// A stream that ends OK without a reply is INVALID_ARGUMENT; CANCELLED if
// options->should_stop said so. deadline_us: clock_monotonic_us.
const struct error *reflection_call(struct arena *a, const struct reflection_options *options,
                                    const char *path, struct slice request, int64_t deadline_us,
                                    struct slice *ret_reply);

#endif
