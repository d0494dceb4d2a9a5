#include "base/trace/trace_ring.h"

#include <stdlib.h>

#include "base/core/clock.h"
#include "base/thread/condition.h"

void trace_ring_init(struct trace_ring *ring) {
    *ring = (struct trace_ring){.count = 0};
    pthread_mutex_init(&ring->mutex, NULL);
    condition_init(&ring->changed);
}

static struct trace_span *take_oldest(struct trace_ring *ring) {
    struct trace_span *span = ring->spans[ring->first];
    ring->first = (ring->first + 1) % TRACE_RING_SPANS;
    ring->count--;
    return span;
}

void trace_ring_destroy(struct trace_ring *ring) {
    while (ring->count > 0) {
        free(take_oldest(ring));
    }
    pthread_cond_destroy(&ring->changed);
    pthread_mutex_destroy(&ring->mutex);
}

void trace_ring_put(struct trace_ring *ring, struct trace_span *span) {
    pthread_mutex_lock(&ring->mutex);
    bool fits = ring->count < TRACE_RING_SPANS && !ring->is_stopping;
    if (fits) {
        ring->spans[(ring->first + ring->count) % TRACE_RING_SPANS] = span;
        ring->count++;
    } else {
        ring->dropped++;
    }
    // The first span starts the time that the taker lingers; then only as many as it wants wake it.
    bool wakes = ring->wanted > 0 && (ring->count == 1 || ring->count >= ring->wanted);
    pthread_mutex_unlock(&ring->mutex);
    if (wakes) {
        pthread_cond_signal(&ring->changed);
    }
    if (!fits) {
        free(span);
    }
}

size_t trace_ring_take(struct trace_ring *ring, int64_t linger_us, struct trace_span **ret_spans,
                       size_t most) {
    pthread_mutex_lock(&ring->mutex);
    ring->wanted = most;
    int64_t end_us = 0; // once there is a span
    while (!ring->is_stopping && ring->count < most) {
        if (end_us == 0 && ring->count > 0) {
            end_us = clock_monotonic_us() + linger_us;
        }
        if (!condition_wait(&ring->changed, &ring->mutex, end_us)) {
            break;
        }
    }
    ring->wanted = 0;
    size_t taken = 0;
    while (taken < most && ring->count > 0) {
        ret_spans[taken++] = take_oldest(ring);
    }
    pthread_mutex_unlock(&ring->mutex);
    return taken;
}

bool trace_ring_pause(struct trace_ring *ring, int64_t until_us) {
    pthread_mutex_lock(&ring->mutex);
    while (!ring->is_stopping && condition_wait(&ring->changed, &ring->mutex, until_us)) {
    }
    bool is_stopping = ring->is_stopping;
    pthread_mutex_unlock(&ring->mutex);
    return is_stopping;
}

void trace_ring_stop(struct trace_ring *ring) {
    pthread_mutex_lock(&ring->mutex);
    ring->is_stopping = true;
    pthread_mutex_unlock(&ring->mutex);
    pthread_cond_broadcast(&ring->changed);
}

uint64_t trace_ring_dropped(struct trace_ring *ring) {
    pthread_mutex_lock(&ring->mutex);
    uint64_t dropped = ring->dropped;
    pthread_mutex_unlock(&ring->mutex);
    return dropped;
}
