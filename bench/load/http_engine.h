#ifndef RUNSD_BENCH_LOAD_HTTP_ENGINE_H
#define RUNSD_BENCH_LOAD_HTTP_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "base/net/address.h"
#include "bench/load/load_report.h"
#include "bench/load/targets.h"

// Loads an HTTP/1.1 server from one thread over keep-alive connections, each
// with one request in flight.
//
// Closed loop (rate_per_s 0): every connection sends its next request as soon
// as it has the reply to the last one. Latency counts from the send.
//
// Open loop: request number i is due at start + i / rate, whether or not the
// server keeps up. One that finds no idle connection waits, and its latency
// counts from when it was due: a stalled server cannot hide the requests that
// it kept from being sent ("coordinated omission").

struct http_load_options {
    struct address server;
    struct slice method; // "GET"
    struct slice fields; // header lines, each with its CRLF; Host is added
    bool keys;           // each request has the header Idempotency-Key, which is its target
    const struct targets *targets;
    const struct targets *tokens; // the bearer token of each target, as many; NULL: none is sent;
                                  // not with keys
    uint64_t first_target;        // where in the list to begin
    bool once;                    // end after the last target instead of starting over
    int connections;              // 1 to HTTP_LOAD_CONNECTIONS_MAX
    uint64_t count;               // requests to send; 0: no bound
    int64_t duration_ns;          // how long to send; 0: no bound
    double rate_per_s;            // 0: closed loop
    int64_t timeout_ns;           // for a reply; also how long to wait after the last send
};

enum { HTTP_LOAD_CONNECTIONS_MAX = 20000 };

// Runs the load to its end and fills *ret, which the caller zeroed. UNAVAILABLE
// if a connection cannot be made at the start; what fails later is counted in
// ret->failures: "connect", "closed" (without a reply), "malformed",
// "timeout", "send".
const struct error *http_load_run(struct arena *a, const struct http_load_options *options,
                                  struct load_report *ret);

#endif
