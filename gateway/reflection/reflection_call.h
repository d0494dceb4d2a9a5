#ifndef RUNSD_GATEWAY_REFLECTION_REFLECTION_CALL_H
#define RUNSD_GATEWAY_REFLECTION_REFLECTION_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "rpc/client.h"

// The server to call, and the deadline.
struct reflection_target {
    struct rpc_channel *upstream;
    int64_t deadline_us;       // clock_monotonic_us
    bool (*should_stop)(void); // called repeatedly while waiting; NULL: never stops
    uint64_t server;           // of several, the one that answered; 0: none yet
};

// Sends one request to a method that streams and waits for its first reply, into a. Of several
// servers, it goes to the one that has answered before, if that can be.
// A stream that ends OK without a reply is INVALID_ARGUMENT; CANCELLED if
// target->should_stop returned true. Blocks; not on the channel's loop.
const struct error *reflection_call(struct arena *a, struct reflection_target *target,
                                    const char *path, struct slice request,
                                    struct slice *ret_reply);

#endif
