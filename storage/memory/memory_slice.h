#ifndef RUNSD_STORAGE_MEMORY_MEMORY_SLICE_H
#define RUNSD_STORAGE_MEMORY_MEMORY_SLICE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/memory.h"
#include "base/core/slice.h"

// Slices that the tables own.

// Returns a copy of s on the heap, for memory_slice_disown.
static inline struct slice memory_slice_own(struct slice s) {
    return s.len == 0 ? SLICE_EMPTY : slice_of(memcpy(mem_alloc(s.len), s.data, s.len), s.len);
}

static inline void memory_slice_disown(struct slice s) {
    free((void *)(uintptr_t)s.data);
}

#endif
