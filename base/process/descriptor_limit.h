#ifndef RUNSD_BASE_PROCESS_DESCRIPTOR_LIMIT_H
#define RUNSD_BASE_PROCESS_DESCRIPTOR_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/log/log.h"

// How many connections fit into the process's limit on open files. Every connection is a
// descriptor; a process that has none left can neither accept nor open its store's files.

// Reserved for everything but connections: the store, logs, event loops, listeners. A
// serving program has about 25 open before the first client connects.
enum { DESCRIPTORS_RESERVED = 48 };

// An option that says how many connections of a kind there may be.
struct descriptor_share {
    const char *option; // "--max-connections"
    bool is_given;      // else connections is the default
    int64_t connections;
};

// The process's limit on open files, as it is now. server_process_prepare raises it.
int64_t descriptor_limit(void);

// Fits the shares into limit: those that were given must fit and stay; defaults are
// lowered to what is left, in proportion, at least 1 each. INVALID_ARGUMENT, in a, if that
// cannot be, with the option, what was given and what is possible; then nothing is changed.
const struct error *descriptor_limit_fit(struct arena *a, int64_t limit,
                                         struct descriptor_share *shares, size_t count);

// The same for the process's limit; logs each default that was lowered.
const struct error *descriptor_limit_apply(struct arena *a, const struct logger *log,
                                           struct descriptor_share *shares, size_t count);

#endif
