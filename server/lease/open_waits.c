#include "server/lease/open_waits.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/check.h"
#include "base/core/container_of.h"
#include "base/core/memory.h"

enum {
    BUCKETS = 1024,
    // Attempts of an organization that are under way at once, each of another group.
    TRYING_AT_ONCE = 4,
};

struct waiting_organization;

// Those that ask for the same.
struct wait_group {
    struct waiting_organization *organization;
    struct wait_group *next; // in a ring of the organization's
    struct wait_group *previous;
    struct open_wait *first; // that do not try
    struct open_wait **end;
    bool is_trying;
    bool is_special;
    uint64_t empty_at; // the openings of the organization up to which nothing was found
    size_t workflow_bytes;
    char workflow_id[];
};

struct waiting_organization {
    struct waiting_organization *next;
    struct wait_group *ring; // whose turn it is
    int trying;
    uint64_t openings; // from 1
    size_t name_bytes;
    char name[];
};

struct open_waits {
    pthread_mutex_t mutex; // guards all
    bool is_stopping;
    bool is_running; // a thread calls what is to be called
    struct open_wait *to_try;
    struct open_wait *to_end;
    struct due_heap heap;
    void (*wake)(void *context);
    void *context;
    struct waiting_organization *buckets[BUCKETS];
};

struct open_waits *open_waits_new(void (*wake)(void *context), void *context) {
    struct open_waits *waits = mem_zalloc(sizeof(*waits));
    pthread_mutex_init(&waits->mutex, NULL);
    waits->wake = wake;
    waits->context = context;
    return waits;
}

void open_waits_free(struct open_waits *waits) {
    if (waits == NULL) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        CHECK(waits->buckets[i] == NULL);
    }
    due_heap_release(&waits->heap);
    pthread_mutex_destroy(&waits->mutex);
    free(waits);
}

int open_waits_count(struct open_waits *waits) {
    pthread_mutex_lock(&waits->mutex);
    int count = (int)waits->heap.count;
    pthread_mutex_unlock(&waits->mutex);
    return count;
}

// --- organizations and groups; the mutex is held ---

// What points to the organization, or to the end of its bucket. Names are those of tokens, which
// administrators choose.
static struct waiting_organization **find(struct open_waits *waits, struct slice name) {
    size_t hash = 5381;
    for (size_t i = 0; i < name.len; i++) {
        hash = hash * 33 + name.data[i];
    }
    struct waiting_organization **link = &waits->buckets[hash % BUCKETS];
    while (*link != NULL && !slice_equal(slice_of((*link)->name, (*link)->name_bytes), name)) {
        link = &(*link)->next;
    }
    return link;
}

static struct waiting_organization *find_or_add(struct open_waits *waits, struct slice name) {
    struct waiting_organization **link = find(waits, name);
    if (*link == NULL) {
        *link = mem_zalloc(sizeof(**link) + name.len);
        (*link)->openings = 1;
        (*link)->name_bytes = name.len;
        memcpy((*link)->name, name.data, name.len);
    }
    return *link;
}

static bool asks_for(const struct wait_group *group, const struct open_wait *wait) {
    return !group->is_special && !wait->is_special &&
           slice_equal(slice_of(group->workflow_id, group->workflow_bytes), wait->workflow_id);
}

static struct wait_group *find_group(const struct waiting_organization *organization,
                                     const struct open_wait *wait) {
    struct wait_group *group = organization->ring;
    if (group == NULL) {
        return NULL;
    }
    do {
        if (asks_for(group, wait)) {
            return group;
        }
        group = group->next;
    } while (group != organization->ring);
    return NULL;
}

static struct wait_group *add_group(struct waiting_organization *organization,
                                    const struct open_wait *wait) {
    struct wait_group *group = mem_zalloc(sizeof(*group) + wait->workflow_id.len);
    group->organization = organization;
    group->end = &group->first;
    group->is_special = wait->is_special;
    group->workflow_bytes = wait->workflow_id.len;
    if (wait->workflow_id.len > 0) {
        memcpy(group->workflow_id, wait->workflow_id.data, wait->workflow_id.len);
    }
    struct wait_group *ring = organization->ring;
    if (ring == NULL) {
        group->next = group->previous = group;
        organization->ring = group;
    } else { // behind all others
        group->next = ring;
        group->previous = ring->previous;
        ring->previous->next = group;
        ring->previous = group;
    }
    return group;
}

static void append(struct wait_group *group, struct open_wait *wait) {
    wait->next = NULL;
    *group->end = wait;
    group->end = &wait->next;
}

static void prepend(struct wait_group *group, struct open_wait *wait) {
    wait->next = group->first;
    group->first = wait;
    if (wait->next == NULL) {
        group->end = &wait->next;
    }
}

static struct open_wait *take_first(struct wait_group *group) {
    struct open_wait *wait = group->first;
    group->first = wait->next;
    if (group->first == NULL) {
        group->end = &group->first;
    }
    return wait;
}

static void take_out(struct wait_group *group, struct open_wait *wait) {
    struct open_wait **link = &group->first;
    while (*link != wait) {
        link = &(*link)->next;
    }
    *link = wait->next;
    if (*link == NULL) {
        group->end = link;
    }
}

// Frees the group if nobody is in it, and then its organization.
static void drop_if_empty(struct open_waits *waits, struct wait_group *group) {
    if (group->first != NULL || group->is_trying) {
        return;
    }
    struct waiting_organization *organization = group->organization;
    group->previous->next = group->next;
    group->next->previous = group->previous;
    if (organization->ring == group) {
        organization->ring = group->next != group ? group->next : NULL;
    }
    free(group);
    if (organization->ring == NULL) {
        struct waiting_organization **link =
            find(waits, slice_of(organization->name, organization->name_bytes));
        *link = organization->next;
        free(organization);
    }
}

// --- whose turn it is; the mutex is held ---

static void choose(struct open_waits *waits, struct waiting_organization *organization) {
    struct wait_group *begin = organization->ring;
    struct wait_group *group = begin;
    if (group == NULL || waits->is_stopping) {
        return;
    }
    do {
        struct wait_group *next = group->next;
        if (organization->trying == TRYING_AT_ONCE) {
            break;
        }
        if (group->first != NULL && !group->is_trying && group->empty_at < organization->openings) {
            struct open_wait *wait = take_first(group);
            group->is_trying = true;
            organization->trying++;
            wait->is_trying = true;
            wait->seen = organization->openings;
            wait->next = waits->to_try;
            waits->to_try = wait;
            organization->ring = next;
        }
        group = next;
    } while (group != begin);
}

// Has `ended` called; it is in no group any more.
static void end(struct open_waits *waits, struct open_wait *wait, enum wait_end why) {
    due_heap_remove(&waits->heap, &wait->due);
    wait->group = NULL;
    wait->why = why;
    wait->next = waits->to_end;
    waits->to_end = wait;
}

// Ends a wait for why: now, or after its attempt.
static void end_soon(struct open_waits *waits, struct open_wait *wait, enum wait_end why) {
    struct wait_group *group = wait->group;
    if (wait->is_trying) {
        due_heap_remove(&waits->heap, &wait->due);
        wait->is_ending = true;
        wait->why = why;
        return;
    }
    take_out(group, wait);
    end(waits, wait, why);
    drop_if_empty(waits, group);
}

// Calls what is to be called, one thread for all; releases the mutex. What is called may come
// here again, within or on other threads: the loop sees to that.
static void run_and_unlock(struct open_waits *waits) {
    if (waits->is_running) {
        pthread_mutex_unlock(&waits->mutex);
        return;
    }
    waits->is_running = true;
    struct open_wait *wait;
    while ((wait = waits->to_end) != NULL || (wait = waits->to_try) != NULL) {
        bool is_end = wait == waits->to_end;
        if (is_end) {
            waits->to_end = wait->next;
        } else {
            waits->to_try = wait->next;
        }
        enum wait_end why = wait->why;
        pthread_mutex_unlock(&waits->mutex);
        if (is_end) {
            wait->ended(wait, why);
        } else {
            wait->attempt(wait);
        }
        pthread_mutex_lock(&waits->mutex);
    }
    waits->is_running = false;
    pthread_mutex_unlock(&waits->mutex);
}

// --- what happens ---

void open_waits_add(struct open_waits *waits, struct open_wait *wait) {
    pthread_mutex_lock(&waits->mutex);
    if (waits->is_stopping) {
        end(waits, wait, WAIT_STOPPING);
        run_and_unlock(waits);
        return;
    }
    struct waiting_organization *organization = find_or_add(waits, wait->organization);
    struct wait_group *group = find_group(organization, wait);
    wait->group = group != NULL ? group : add_group(organization, wait);
    append(wait->group, wait);
    due_heap_set(&waits->heap, &wait->due, wait->until_us);
    if (due_heap_first(&waits->heap) == &wait->due) {
        waits->wake(waits->context);
    }
    choose(waits, organization);
    run_and_unlock(waits);
}

void open_waits_tried(struct open_waits *waits, struct open_wait *wait, bool is_over) {
    pthread_mutex_lock(&waits->mutex);
    struct wait_group *group = wait->group;
    struct waiting_organization *organization = group->organization;
    group->is_trying = false;
    organization->trying--;
    wait->is_trying = false;
    if (is_over) {
        due_heap_remove(&waits->heap, &wait->due);
        wait->group = NULL;
    } else {
        group->empty_at = wait->seen;
        if (wait->is_ending) {
            end(waits, wait, wait->why);
        } else {
            prepend(group, wait); // it has waited longest
        }
    }
    choose(waits, organization);
    drop_if_empty(waits, group);
    run_and_unlock(waits);
}

void open_waits_gone(struct open_waits *waits, struct open_wait *wait) {
    pthread_mutex_lock(&waits->mutex);
    if (wait->group != NULL && !wait->is_ending) {
        end_soon(waits, wait, WAIT_GONE);
    }
    run_and_unlock(waits);
}

void open_waits_opened(struct open_waits *waits, struct slice organization) {
    pthread_mutex_lock(&waits->mutex);
    struct waiting_organization *found = *find(waits, organization);
    if (found != NULL) {
        found->openings++;
        choose(waits, found);
    }
    run_and_unlock(waits);
}

static void end_all_due(struct open_waits *waits, int64_t now_us, enum wait_end why) {
    struct due *due;
    while ((due = due_heap_first(&waits->heap)) != NULL &&
           due_heap_at_us(&waits->heap, due) <= now_us) {
        end_soon(waits, CONTAINER_OF(due, struct open_wait, due), why);
    }
}

void open_waits_expire(struct open_waits *waits, int64_t now_us) {
    pthread_mutex_lock(&waits->mutex);
    end_all_due(waits, now_us, WAIT_TIMED_OUT);
    run_and_unlock(waits);
}

int64_t open_waits_due_us(struct open_waits *waits) {
    pthread_mutex_lock(&waits->mutex);
    struct due *due = due_heap_first(&waits->heap);
    int64_t due_us = due != NULL ? due_heap_at_us(&waits->heap, due) : INT64_MAX;
    pthread_mutex_unlock(&waits->mutex);
    return due_us;
}

void open_waits_stop(struct open_waits *waits) {
    pthread_mutex_lock(&waits->mutex);
    waits->is_stopping = true;
    end_all_due(waits, INT64_MAX, WAIT_STOPPING);
    run_and_unlock(waits);
}
