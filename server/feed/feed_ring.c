#include "server/feed/feed_ring.h"

#include <stdlib.h>

#include "base/core/memory.h"

enum { FIRST_CAPACITY = 8 };

static struct feed_batch *at(const struct feed_ring *ring, int index) {
    return ring->batches[(ring->begin + index) & (ring->capacity - 1)];
}

static void drop_oldest(struct feed_ring *ring) {
    struct feed_batch *batch = at(ring, 0);
    ring->changes -= batch->count;
    ring->bytes -= batch->bytes;
    ring->begin = (ring->begin + 1) & (ring->capacity - 1);
    ring->count--;
    feed_batch_release(batch);
}

void feed_ring_clear(struct feed_ring *ring) {
    while (ring->count > 0) {
        drop_oldest(ring);
    }
}

void feed_ring_drop_old(struct feed_ring *ring) {
    while (ring->count > 1) {
        drop_oldest(ring);
    }
}

static void grow(struct feed_ring *ring) {
    int capacity = ring->capacity == 0 ? FIRST_CAPACITY : 2 * ring->capacity;
    struct feed_batch **batches = mem_alloc((size_t)capacity * sizeof(batches[0]));
    for (int i = 0; i < ring->count; i++) {
        batches[i] = at(ring, i);
    }
    free(ring->batches);
    ring->batches = batches;
    ring->capacity = capacity;
    ring->begin = 0;
}

void feed_ring_push(struct feed_ring *ring, struct feed_batch *batch) {
    if (ring->count > 0 && feed_batch_last(at(ring, ring->count - 1)) + 1 != batch->first) {
        feed_ring_clear(ring);
    }
    while (ring->count > 0 && (ring->changes + batch->count > FEED_RING_CHANGES ||
                               ring->bytes + batch->bytes > FEED_RING_BYTES)) {
        drop_oldest(ring);
    }
    if (ring->count == ring->capacity) {
        grow(ring);
    }
    ring->batches[(ring->begin + ring->count) & (ring->capacity - 1)] = feed_batch_take(batch);
    ring->count++;
    ring->changes += batch->count;
    ring->bytes += batch->bytes;
}

void feed_ring_release(struct feed_ring *ring) {
    feed_ring_clear(ring);
    free(ring->batches);
    *ring = (struct feed_ring){.batches = NULL};
}

const struct feed_batch *feed_ring_find(const struct feed_ring *ring, int64_t revision) {
    int low = 0;
    int high = ring->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (feed_batch_last(at(ring, middle)) < revision) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < ring->count && at(ring, low)->first <= revision ? at(ring, low) : NULL;
}
