#ifndef RUNSD_BASE_PROCESS_PROCESS_USAGE_H
#define RUNSD_BASE_PROCESS_PROCESS_USAGE_H

#include <stdint.h>

// What the process has taken of the machine.

// Holds what is needed to ask when the process has no descriptor left.
struct process_usage_reader;

struct process_usage {
    int64_t cpu_us; // of all its threads, of the process and of the kernel for it
    int64_t resident_bytes;
    int64_t virtual_bytes;
    int64_t threads;
    int64_t open_descriptors;
    int64_t most_descriptors; // the limit; INT64_MAX: there is none
    int64_t started_us;       // when the process began
    // Of malloc: what is given out, and what lies idle in its heaps.
    int64_t heap_used_bytes;
    int64_t heap_idle_bytes;
};

// Opens what is asked later. Never NULL: what cannot be opened is not known.
struct process_usage_reader *process_usage_open(void);

// NULL is ignored.
void process_usage_close(struct process_usage_reader *reader);

// Asks; takes some tens of microseconds, and no descriptor. What cannot be found out is -1. By one
// thread at a time.
void process_usage_read(struct process_usage_reader *reader, struct process_usage *ret);

#endif
