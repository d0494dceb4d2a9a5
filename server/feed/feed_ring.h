#ifndef RUNSD_SERVER_FEED_FEED_RING_H
#define RUNSD_SERVER_FEED_FEED_RING_H

#include "server/feed/feed_batch.h"

// The newest changes of an organization, for the watches of one loop that have not got them all:
// batches that follow each other without a gap. Bounded in changes and in bytes, the newest batch
// apart. One thread at a time.

enum { FEED_RING_CHANGES = 4096, FEED_RING_BYTES = 1 << 20 };

struct feed_ring {
    struct feed_batch **batches; // circular
    int capacity;                // 0 or a power of 2
    int begin;
    int count;
    int changes;
    size_t bytes;
};

// Appends batch, of which the ring takes a reference. What does not lead up to it is left out.
void feed_ring_push(struct feed_ring *ring, struct feed_batch *batch);

// Drops all, or all but the newest batch.
void feed_ring_clear(struct feed_ring *ring);
void feed_ring_drop_old(struct feed_ring *ring);

// Frees the memory; the ring is empty afterwards.
void feed_ring_release(struct feed_ring *ring);

// The batch that has the revision; NULL if none does.
const struct feed_batch *feed_ring_find(const struct feed_ring *ring, int64_t revision);

#endif
