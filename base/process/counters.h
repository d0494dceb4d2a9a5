#ifndef RUNSD_BASE_PROCESS_COUNTERS_H
#define RUNSD_BASE_PROCESS_COUNTERS_H

#include <stdint.h>

#include "base/log/log.h"

// What a process counts about itself, under names, for whoever prints metrics. The parts of a
// program add their numbers to its registry when they start, one after the other, and count
// with one relaxed addition, without a lock. Any thread may read the registry once all parts
// were started.

// One number, 0 at first. Thread safe.
struct counter {
    int64_t value; // by these functions alone
};

static inline void counter_add(struct counter *counter, int64_t by) {
    __atomic_fetch_add(&counter->value, by, __ATOMIC_RELAXED);
}

static inline int64_t counter_get(const struct counter *counter) {
    return __atomic_load_n(&counter->value, __ATOMIC_RELAXED);
}

enum counter_kind {
    COUNTER_TOTAL, // only grows, from 0 at the start of the process
    COUNTER_LEVEL, // goes up and down, never below 0
};

// What a number is called. The texts must outlive the registry.
struct counter_info {
    const char *name; // a letter, then letters, digits and "_", all lower case
    const char *unit; // in the plural, "bytes"; "" for what is counted by the piece
    const char *help; // one sentence without its full stop
    enum counter_kind kind;
};

struct counters;

// Makes an empty registry, which owns its numbers. It must outlive those who count.
struct counters *counters_new(void);

// NULL is ignored.
void counters_free(struct counters *counters);

// Adds a number under info's name, which no other has. Not while another thread uses the
// registry.
struct counter *counters_add(struct counters *counters, const struct counter_info *info);

// Calls visit for each number, ordered by name (bytes), with what it is at that moment.
void counters_visit(const struct counters *counters,
                    void (*visit)(void *context, const struct counter_info *info, int64_t value),
                    void *context);

// Logs a line for each number at level debug.
void counters_log(const struct counters *counters, const struct logger *log);

#endif
