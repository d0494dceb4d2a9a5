#include "server/lease/due_heap.h"

#include <stdlib.h>

#include "base/core/memory.h"

enum { FIRST_CAPACITY = 16 };

void due_heap_release(struct due_heap *heap) {
    free(heap->slots);
    *heap = (struct due_heap){0};
}

static void put(struct due_heap *heap, size_t index, struct due_slot slot) {
    heap->slots[index] = slot;
    slot.due->place = index + 1;
}

static void sift_up(struct due_heap *heap, size_t index, struct due_slot slot) {
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (heap->slots[parent].at_us <= slot.at_us) {
            break;
        }
        put(heap, index, heap->slots[parent]);
        index = parent;
    }
    put(heap, index, slot);
}

static void sift_down(struct due_heap *heap, size_t index, struct due_slot slot) {
    size_t child;
    while ((child = 2 * index + 1) < heap->count) {
        if (child + 1 < heap->count && heap->slots[child + 1].at_us < heap->slots[child].at_us) {
            child++;
        }
        if (slot.at_us <= heap->slots[child].at_us) {
            break;
        }
        put(heap, index, heap->slots[child]);
        index = child;
    }
    put(heap, index, slot);
}

static void place(struct due_heap *heap, size_t index, struct due_slot slot) {
    if (index > 0 && heap->slots[(index - 1) / 2].at_us > slot.at_us) {
        sift_up(heap, index, slot);
    } else {
        sift_down(heap, index, slot);
    }
}

void due_heap_set(struct due_heap *heap, struct due *due, int64_t at_us) {
    const struct due_slot slot = {.at_us = at_us, .due = due};
    if (due->place != 0) {
        place(heap, due->place - 1, slot);
        return;
    }
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity == 0 ? FIRST_CAPACITY : 2 * heap->capacity;
        heap->slots = mem_realloc(heap->slots, heap->capacity * sizeof(*heap->slots));
    }
    sift_up(heap, heap->count++, slot);
}

void due_heap_remove(struct due_heap *heap, struct due *due) {
    if (due->place == 0) {
        return;
    }
    size_t index = due->place - 1;
    due->place = 0;
    struct due_slot last = heap->slots[--heap->count];
    if (index < heap->count) {
        place(heap, index, last);
    }
}

int64_t due_heap_at_us(const struct due_heap *heap, const struct due *due) {
    return heap->slots[due->place - 1].at_us;
}

struct due *due_heap_first(const struct due_heap *heap) {
    return heap->count > 0 ? heap->slots[0].due : NULL;
}
