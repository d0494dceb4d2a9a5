#ifndef RUNSD_BENCH_WATCH_WATCH_ENGINE_H
#define RUNSD_BENCH_WATCH_WATCH_ENGINE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/net/address.h"
#include "bench/watch/delivery_book.h"
#include "bench/watch/watch_api.h"

// Opens watchers, makes changes at a fixed rate (open loop: each at its time, whether or not the
// one before was answered), and notes when each watcher is told of each. One thread.

struct watch_options {
    struct address server;
    const struct watch_api *api;
    const char *token;    // of whoever may enroll groups; NULL where nobody has to
    pid_t server_pid;     // whose CPU and memory are looked at; 0: nobody's
    size_t groups;        // organizations, or what the service has in their place
    size_t watchers;      // in all, dealt out to groups in turn; 0: none, for comparison
    size_t connections;   // of the watchers, dealt out in turn
    double changes_per_s; // in all
    size_t changes;       // in all
    int64_t patience_us;  // how long to wait for what is late: calls of the preparation, and
                          // deliveries after the last change
};

struct watch_report {
    struct delivery_book book;
    uint64_t ended;           // watches that ended before the last change's deliveries were there
    uint64_t failed_changes;  // that were not answered OK
    uint64_t unreadable;      // messages
    int64_t elapsed_ns;       // from the first change to the last delivery or reply
    int64_t open_ns;          // to open all watches
    int64_t own_cpu_ns;       // of this process from the first change to the end
    int64_t server_cpu_ns;    // the same of the server
    int64_t rss_before_bytes; // resident memory of the server: before the watches are opened
    int64_t rss_open_bytes;   // and when all are open, before the first change
    int64_t rss_after_bytes;  // and at the end
};

// Runs it all. Returns an error in a if the watches could not be opened or a call of the
// preparation failed; what fails later is counted. The caller zeroed *ret and releases its
// book in either case.
const struct error *watch_engine_run(struct arena *a, const struct watch_options *options,
                                     struct watch_report *ret);

#endif
