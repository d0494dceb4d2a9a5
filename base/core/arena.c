#include "base/core/arena.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/core/check.h"
#include "base/core/memory.h"

enum { FIRST_BLOCK_BYTES = 4096, LARGEST_BLOCK_BYTES = 256 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t size;
    max_align_t data[];
};

void arena_init(struct arena *a) {
    *a = (struct arena){NULL, NULL, NULL};
}

void arena_release(struct arena *a) {
    struct arena_block *b = a->blocks;
    while (b != NULL) {
        struct arena_block *next = b->next;
        free(b);
        b = next;
    }
    arena_init(a);
}

void arena_reset(struct arena *a) {
    struct arena_block *b = a->blocks;
    while (b != NULL && b->next != NULL) {
        struct arena_block *next = b->next;
        free(b);
        b = next;
    }
    a->blocks = b;
    // A first block of unusual size is not worth keeping.
    if (b == NULL || b->size != FIRST_BLOCK_BYTES) {
        arena_release(a);
        return;
    }
    a->next = (char *)b->data;
    a->end = a->next + b->size;
}

size_t arena_bytes(const struct arena *a) {
    size_t bytes = 0;
    for (const struct arena_block *b = a->blocks; b != NULL; b = b->next) {
        bytes += b->size;
    }
    return bytes;
}

static void add_block(struct arena *a, size_t at_least) {
    size_t size = a->blocks == NULL ? FIRST_BLOCK_BYTES : a->blocks->size * 2;
    if (size > LARGEST_BLOCK_BYTES) {
        size = LARGEST_BLOCK_BYTES;
    }
    if (size < at_least) {
        size = at_least;
    }
    struct arena_block *b = mem_alloc(sizeof(*b) + size);
    b->next = a->blocks;
    b->size = size;
    a->blocks = b;
    a->next = (char *)b->data;
    a->end = a->next + size;
}

void *arena_alloc(struct arena *a, size_t n) {
    const size_t align = _Alignof(max_align_t);
    CHECK(n <= SIZE_MAX / 2);
    n = n == 0 ? align : (n + align - 1) / align * align; // none has an address too
    if ((size_t)(a->end - a->next) < n) {
        add_block(a, n);
    }
    void *p = a->next;
    a->next += n;
    return p;
}

void *arena_zalloc(struct arena *a, size_t n) {
    return memset(arena_alloc(a, n), 0, n);
}

struct slice arena_copy(struct arena *a, struct slice s) {
    if (s.len == 0) {
        return SLICE_EMPTY;
    }
    return slice_of(memcpy(arena_alloc(a, s.len), s.data, s.len), s.len);
}

struct slice arena_map_copy(void *arena, struct slice s) {
    return arena_copy(arena, s);
}

char *arena_cstr(struct arena *a, struct slice s) {
    char *p = arena_alloc(a, s.len + 1);
    if (s.len > 0) {
        memcpy(p, s.data, s.len);
    }
    p[s.len] = '\0';
    return p;
}

char *arena_vprintf(struct arena *a, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    CHECK(n >= 0);
    char *text = arena_alloc(a, (size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, format, args);
    return text;
}

char *arena_printf(struct arena *a, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(a, format, args);
    va_end(args);
    return text;
}
