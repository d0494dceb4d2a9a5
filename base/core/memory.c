#include "base/core/memory.h"

#include <string.h>

#include "base/core/check.h"

void *mem_alloc(size_t n) {
    void *p = malloc(n == 0 ? 1 : n);
    if (p == NULL) {
        CHECK_FAIL("out of memory");
    }
    return p;
}

void *mem_zalloc(size_t n) {
    void *p = calloc(1, n == 0 ? 1 : n);
    if (p == NULL) {
        CHECK_FAIL("out of memory");
    }
    return p;
}

void *mem_realloc(void *p, size_t n) {
    p = realloc(p, n == 0 ? 1 : n);
    if (p == NULL) {
        CHECK_FAIL("out of memory");
    }
    return p;
}

char *mem_strdup(const char *s) {
    size_t n = strlen(s) + 1;
    return memcpy(mem_alloc(n), s, n);
}
