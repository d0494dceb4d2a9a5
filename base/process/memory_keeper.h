#ifndef RUNSD_BASE_PROCESS_MEMORY_KEEPER_H
#define RUNSD_BASE_PROCESS_MEMORY_KEEPER_H

// Returns freed memory to the system. malloc by itself returns only what lies at the end of
// its heaps: one small allocation at the end keeps all the free memory before it.
//
// Every MEMORY_KEEPER_PERIOD_MS a thread compares the memory that the process has with
// what is in use, and trims the heaps (malloc_trim(3)) when MEMORY_KEEPER_MOST_BYTES more
// are idle than after the last trim. Other threads wait only if they allocate from the
// heap that is being trimmed.

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
