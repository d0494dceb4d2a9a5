#ifndef RUNSD_BASE_TRACE_TRACE_RING_H
#define RUNSD_BASE_TRACE_TRACE_RING_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/trace/trace_record.h"

// Spans that have ended, until the exporter takes them: a ring of so many. Who ends a span never
// waits: if there is no room, the span is dropped and counted. Thread safe.

enum { TRACE_RING_SPANS = 4096 };

struct trace_ring {
    pthread_mutex_t mutex; // guards the members below
    pthread_cond_t changed;
    size_t wanted;    // by the taker, which waits; 0: it does not
    bool is_stopping; // nothing is put any more
    size_t first;     // index of the oldest
    size_t count;
    uint64_t dropped;
    struct trace_span *spans[TRACE_RING_SPANS];
};

void trace_ring_init(struct trace_ring *ring);

// Frees the spans that are left.
void trace_ring_destroy(struct trace_ring *ring);

// Takes the span, or frees it if there is no room.
void trace_ring_put(struct trace_ring *ring, struct trace_span *span);

// Waits until there are `most` spans, or some for linger_us, or the stop. Moves the oldest ones, at
// most `most`, to ret_spans and returns how many; 0: the ring is empty and was stopped. For one
// thread.
size_t trace_ring_take(struct trace_ring *ring, int64_t linger_us, struct trace_span **ret_spans,
                       size_t most);

// Waits until an instant (clock_monotonic_us) or the stop; returns whether the latter.
bool trace_ring_pause(struct trace_ring *ring, int64_t until_us);

// Has trace_ring_take and trace_ring_pause wait no more.
void trace_ring_stop(struct trace_ring *ring);

// How many spans were dropped.
uint64_t trace_ring_dropped(struct trace_ring *ring);

#endif
