#include "storage/sqlite/rows.h"

void *rows_grow(struct arena *a, void *items, int count, int *capacity, size_t item_bytes) {
    if (count < *capacity) {
        return items;
    }
    *capacity = *capacity == 0 ? 16 : *capacity * 2;
    void *grown = arena_alloc(a, (size_t)*capacity * item_bytes);
    if (count > 0) {
        memcpy(grown, items, (size_t)count * item_bytes);
    }
    return grown;
}
