#include "server/lease/stop_waits.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <xxhash.h>

#include "base/core/check.h"
#include "base/core/container_of.h"
#include "base/core/memory.h"

enum { BUCKETS = 4096 };

struct stop_waits {
    pthread_mutex_t mutex; // guards all
    uint64_t seed;
    bool is_stopping;
    struct due_heap heap;
    void (*wake)(void *context);
    void *context;
    struct stop_wait *buckets[BUCKETS];
};

struct stop_waits *stop_waits_new(void (*wake)(void *context), void *context) {
    struct stop_waits *waits = mem_zalloc(sizeof(*waits));
    pthread_mutex_init(&waits->mutex, NULL);
    CHECK(getrandom(&waits->seed, sizeof(waits->seed), 0) == sizeof(waits->seed));
    waits->wake = wake;
    waits->context = context;
    return waits;
}

void stop_waits_free(struct stop_waits *waits) {
    if (waits == NULL) {
        return;
    }
    CHECK(waits->heap.count == 0);
    due_heap_release(&waits->heap);
    pthread_mutex_destroy(&waits->mutex);
    free(waits);
}

int stop_waits_count(struct stop_waits *waits) {
    pthread_mutex_lock(&waits->mutex);
    int count = (int)waits->heap.count;
    pthread_mutex_unlock(&waits->mutex);
    return count;
}

static uint32_t hash_of(const struct stop_waits *waits, struct slice organization,
                        struct slice run_id) {
    uint64_t h = XXH3_64bits_withSeed(organization.data, organization.len, waits->seed);
    return (uint32_t)XXH3_64bits_withSeed(run_id.data, run_id.len, h);
}

// The mutex is held.
static void unlink_wait(struct stop_waits *waits, struct stop_wait *wait) {
    due_heap_remove(&waits->heap, &wait->due);
    *wait->link = wait->next;
    if (wait->next != NULL) {
        wait->next->link = wait->link;
    }
    wait->link = NULL;
}

void stop_waits_add(struct stop_waits *waits, struct stop_wait *wait) {
    wait->hash = hash_of(waits, wait->organization, wait->run_id);
    pthread_mutex_lock(&waits->mutex);
    bool is_stopping = waits->is_stopping;
    bool is_over = is_stopping || wait->is_gone;
    if (!is_over) {
        struct stop_wait **bucket = &waits->buckets[wait->hash % BUCKETS];
        wait->next = *bucket;
        wait->link = bucket;
        if (wait->next != NULL) {
            wait->next->link = &wait->next;
        }
        *bucket = wait;
        due_heap_set(&waits->heap, &wait->due, wait->until_us);
        if (due_heap_first(&waits->heap) == &wait->due) {
            waits->wake(waits->context);
        }
    }
    pthread_mutex_unlock(&waits->mutex);
    if (is_over) {
        wait->ended(wait, NULL, is_stopping ? WAIT_STOPPING : WAIT_GONE);
    }
}

bool stop_waits_gone(struct stop_waits *waits, struct stop_wait *wait) {
    pthread_mutex_lock(&waits->mutex);
    bool is_there = wait->link != NULL;
    if (is_there) {
        unlink_wait(waits, wait);
    } else {
        wait->is_gone = true;
    }
    pthread_mutex_unlock(&waits->mutex);
    return is_there;
}

// Takes one that waits for the run; NULL if there is none.
static struct stop_wait *take(struct stop_waits *waits, uint32_t hash, struct slice organization,
                              struct slice run_id) {
    pthread_mutex_lock(&waits->mutex);
    struct stop_wait *wait = waits->buckets[hash % BUCKETS];
    while (wait != NULL && (wait->hash != hash || !slice_equal(wait->run_id, run_id) ||
                            !slice_equal(wait->organization, organization))) {
        wait = wait->next;
    }
    if (wait != NULL) {
        unlink_wait(waits, wait);
    }
    pthread_mutex_unlock(&waits->mutex);
    return wait;
}

void stop_waits_tell(struct stop_waits *waits, struct slice organization, struct slice run_id,
                     const struct run_record *run) {
    uint32_t hash = hash_of(waits, organization, run_id);
    struct stop_wait *wait;
    while ((wait = take(waits, hash, organization, run_id)) != NULL) {
        wait->ended(wait, run, WAIT_TIMED_OUT);
    }
}

int stop_waits_list(struct stop_waits *waits, size_t *place, struct arena *a,
                    struct stop_wait_run **ret_runs) {
    int count = 0;
    pthread_mutex_lock(&waits->mutex);
    for (; count == 0 && *place < BUCKETS; (*place)++) {
        for (struct stop_wait *w = waits->buckets[*place]; w != NULL; w = w->next) {
            count++;
        }
        if (count == 0) {
            continue;
        }
        struct stop_wait_run *run = ARENA_ARRAY(a, struct stop_wait_run, count);
        *ret_runs = run;
        for (struct stop_wait *w = waits->buckets[*place]; w != NULL; w = w->next) {
            *run++ =
                (struct stop_wait_run){arena_copy(a, w->organization), arena_copy(a, w->run_id)};
        }
    }
    pthread_mutex_unlock(&waits->mutex);
    return count;
}

// Takes one whose time is over; NULL if there is none.
static struct stop_wait *take_due(struct stop_waits *waits, int64_t now_us) {
    pthread_mutex_lock(&waits->mutex);
    struct stop_wait *wait = NULL;
    struct due *due = due_heap_first(&waits->heap);
    if (due != NULL && due_heap_at_us(&waits->heap, due) <= now_us) {
        wait = CONTAINER_OF(due, struct stop_wait, due);
        unlink_wait(waits, wait);
    }
    pthread_mutex_unlock(&waits->mutex);
    return wait;
}

void stop_waits_expire(struct stop_waits *waits, int64_t now_us) {
    struct stop_wait *wait;
    while ((wait = take_due(waits, now_us)) != NULL) {
        wait->ended(wait, NULL, WAIT_TIMED_OUT);
    }
}

int64_t stop_waits_due_us(struct stop_waits *waits) {
    pthread_mutex_lock(&waits->mutex);
    struct due *due = due_heap_first(&waits->heap);
    int64_t due_us = due != NULL ? due_heap_at_us(&waits->heap, due) : INT64_MAX;
    pthread_mutex_unlock(&waits->mutex);
    return due_us;
}

void stop_waits_stop(struct stop_waits *waits) {
    pthread_mutex_lock(&waits->mutex);
    waits->is_stopping = true;
    pthread_mutex_unlock(&waits->mutex);
    struct stop_wait *wait;
    while ((wait = take_due(waits, INT64_MAX)) != NULL) {
        wait->ended(wait, NULL, WAIT_STOPPING);
    }
}
