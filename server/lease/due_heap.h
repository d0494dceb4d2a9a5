#ifndef RUNSD_SERVER_LEASE_DUE_HEAP_H
#define RUNSD_SERVER_LEASE_DUE_HEAP_H

#include <stddef.h>
#include <stdint.h>

// What is due first, of many: a binary heap of objects that embed a struct due. Zero-initialize
// it. One thread at a time.

struct due {
    size_t place; // in the heap, from 1; 0: not in it
};

struct due_slot {
    int64_t at_us;
    struct due *due;
};

struct due_heap {
    struct due_slot *slots;
    size_t count;
    size_t capacity;
};

// Frees what the heap holds itself.
void due_heap_release(struct due_heap *heap);

// Adds due, zeroed before, or moves it if it is in the heap.
void due_heap_set(struct due_heap *heap, struct due *due, int64_t at_us);

// Removes due, if it is in the heap.
void due_heap_remove(struct due_heap *heap, struct due *due);

// When due, which is in the heap, is due.
int64_t due_heap_at_us(const struct due_heap *heap, const struct due *due);

// The one that is due first; NULL if there is none.
struct due *due_heap_first(const struct due_heap *heap);

#endif
