#ifndef RUNSD_STORAGE_SQLITE_PROCESS_IDENTITY_H
#define RUNSD_STORAGE_SQLITE_PROCESS_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

// A process, as distinct from a later one with the same pid.
struct process_identity {
    int64_t pid;
    int64_t start; // ticks after boot, from /proc/self/stat; 0 if unknown
};

struct process_identity process_identity_self(void);

bool process_identity_is_self(struct process_identity p);

#endif
