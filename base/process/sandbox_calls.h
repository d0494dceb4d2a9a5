#ifndef RUNSD_BASE_PROCESS_SANDBOX_CALLS_H
#define RUNSD_BASE_PROCESS_SANDBOX_CALLS_H

#include <stdbool.h>
#include <stdint.h>

// Which system calls a server may make once it is in its sandbox (base/process/sandbox.h), as
// tables that docs/SECURITY.md repeats and a test compares. Calls have the names that they have on
// any architecture: one that this one has not is left out by libseccomp.

// Calls that are allowed whatever their arguments are.
struct sandbox_group {
    const char *purpose;      // NULL ends the table
    const char *const *calls; // ended by NULL
};

extern const struct sandbox_group sandbox_groups[];

// A call that is allowed if one argument is right. Several rows of one call: any of them.
struct sandbox_rule {
    const char *call; // NULL ends the table
    const char *only; // in words
    unsigned argument;
    uint64_t mask; // of the argument's bits; what is left of them must be value
    uint64_t value;
    bool is_own_process; // the value is the process' id instead
};

extern const struct sandbox_rule sandbox_rules[];

// Calls that no library makes for a purpose of ours: one of them ends the process at once, ended by
// NULL.
extern const char *const sandbox_fatal[];

// Calls that libraries try first and do well without: refused as all others are, and not told of.
// Ended by NULL.
extern const char *const sandbox_quiet[];

#endif
