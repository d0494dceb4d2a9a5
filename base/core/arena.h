#ifndef RUNSD_BASE_CORE_ARENA_H
#define RUNSD_BASE_CORE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/core/slice.h"

struct arena_block;

// Memory of one request: allocated in pieces, released all at once. Not thread
// safe: only the thread that works on the request at the moment may use it.
struct arena {
    struct arena_block *blocks;
    char *next;
    char *end;
};

// Makes a an empty arena. It owns no memory until the first allocation.
void arena_init(struct arena *a);

// Releases all memory of a and makes it empty again.
void arena_release(struct arena *a);

// arena_release, but keeps the first block for what comes next: an arena that is
// used over and over seldom allocates.
void arena_reset(struct arena *a);

// Returns how many bytes a has allocated, used or not. Linear in the number of its blocks,
// whose sizes grow up to 256 KiB.
size_t arena_bytes(const struct arena *a);

// Returns n bytes aligned for any type, contents undefined, valid until
// arena_release. Never NULL: the process aborts when memory is exhausted.
void *arena_alloc(struct arena *a, size_t n);

// As arena_alloc, with every byte 0.
void *arena_zalloc(struct arena *a, size_t n);

// Returns a copy of s.
struct slice arena_copy(struct arena *a, struct slice s);

// The same, for what maps the slices of a struct: arena is a struct arena.
struct slice arena_map_copy(void *arena, struct slice s);

// Returns a copy of s as a C string. A NUL within s ends the string early.
char *arena_cstr(struct arena *a, struct slice s);

// Returns a formatted C string. args is undefined behind arena_vprintf.
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

#define ARENA_NEW(a, type)          ((type *)arena_zalloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, count) ((type *)arena_zalloc((a), sizeof(type) * (size_t)(count)))

#endif
