#ifndef RUNSD_BASE_PROCESS_MEMORY_KEEPER_H
#define RUNSD_BASE_PROCESS_MEMORY_KEEPER_H

// Gives memory back to the system that was needed once and is free now. malloc by itself
// returns what lies at the end of its heaps only: one small thing above it keeps the rest.
//
// A thread compares every MEMORY_KEEPER_PERIOD_MS what the process has with what is in
// use, and trims the heaps when MEMORY_KEEPER_MOST_BYTES more than after the last time lie
// idle. Who serves is held up only where it allocates from the heap that is being trimmed.

enum {
    MEMORY_KEEPER_PERIOD_MS = 1000,
    MEMORY_KEEPER_MOST_BYTES = 1 << 20,
};

struct memory_keeper;

// Starts the thread; aborts if there can be none.
struct memory_keeper *memory_keeper_start(void);

// Ends it. NULL is ignored.
void memory_keeper_stop(struct memory_keeper *keeper);

#endif
