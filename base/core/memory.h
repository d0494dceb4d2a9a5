#ifndef RUNSD_BASE_CORE_MEMORY_H
#define RUNSD_BASE_CORE_MEMORY_H

#include <stddef.h>
#include <stdlib.h>

// malloc, calloc, realloc and strdup that abort instead of returning NULL:
// every size is bounded by a limit, so a process without memory is better restarted
// than left to handle the failure. The caller frees the result with free().
void *mem_alloc(size_t n);
void *mem_zalloc(size_t n);
void *mem_realloc(void *p, size_t n);
char *mem_strdup(const char *s);

// Declares a local variable that is freed when its scope ends.
#define CLEANUP(function) __attribute__((cleanup(function)))

static inline void mem_free_ptr(void *p) {
    free(*(void **)p);
}

#define CLEANUP_FREE CLEANUP(mem_free_ptr)

#endif
