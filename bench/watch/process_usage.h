#ifndef RUNSD_BENCH_WATCH_PROCESS_USAGE_H
#define RUNSD_BENCH_WATCH_PROCESS_USAGE_H

#include <stdint.h>
#include <sys/types.h>

// What another process has used. 0 for process 0, and for one that is gone.

// User and system time.
int64_t process_usage_cpu_ns(pid_t pid);

// Resident memory.
int64_t process_usage_rss_bytes(pid_t pid);

#endif
