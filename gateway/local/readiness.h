#ifndef RUNSD_GATEWAY_LOCAL_READINESS_H
#define RUNSD_GATEWAY_LOCAL_READINESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log/log.h"
#include "gateway/options.h"
#include "rpc/client.h"
#include "rpc/loop.h"

// Whether calls would be served now. A server of the same process is asked directly
// (struct gateway_readiness); any other upstream by its health service, Check of "" of
// grpc.health.v1 (https://github.com/grpc/grpc/blob/master/doc/health-checking.md), and only
// when a request needs it: an answer counts for READINESS_FRESH_MS, and whoever asks
// meanwhile waits for the same check. An upstream that has no such service, does not know "" or
// wants a token for it was reached, and counts as ready.
//
// Everything but readiness_new and readiness_free is called on the thread of the loop.

enum {
    READINESS_FRESH_MS = 1000,   // since the check began
    READINESS_TIMEOUT_MS = 1000, // of a check; then the upstream is not ready
};

struct readiness;

struct readiness_options {
    const struct logger *log;        // a change is logged
    struct rpc_loop *loop;           // whose thread serves HTTP
    struct gateway_readiness source; // in the same process; or none, and then
    struct rpc_channel *upstream;    // borrowed until readiness_free
};

enum readiness_answer {
    READINESS_NO,
    READINESS_YES,
    READINESS_UNKNOWN, // an upstream is to be asked: readiness_ask
};

// A request that waits for a check.
struct readiness_waiter {
    struct readiness_waiter *next; // the readiness's own
    // Called once; the waiter is not used any more. Not from within readiness_ask.
    void (*known)(struct readiness_waiter *waiter, bool is_ready);
};

struct readiness *readiness_new(const struct readiness_options *options);

// No check may be under way. NULL is ignored.
void readiness_free(struct readiness *readiness);

// What is known at now_us (clock_monotonic_us).
enum readiness_answer readiness_look(const struct readiness *readiness, int64_t now_us);

// Has the waiter's known called when the check under way ends, or one that begins now.
// After READINESS_UNKNOWN alone.
void readiness_ask(struct readiness *readiness, struct readiness_waiter *waiter, int64_t now_us);

// The answer is READINESS_NO from now on, also for those that wait, and a check that is under
// way is cancelled: it ends soon.
void readiness_stop(struct readiness *readiness);

// Whether a check is under way.
bool readiness_is_asking(const struct readiness *readiness);

#endif
