#include "server/bulk/bulk_waits.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/core/memory.h"

struct bulk_waits {
    pthread_mutex_t mutex; // guards what follows, and the waits' last part
    struct bulk_wait *first;
    uint64_t begun; // how many waits
    bool is_stopping;
};

struct bulk_waits *bulk_waits_new(void) {
    struct bulk_waits *waits = mem_zalloc(sizeof(*waits));
    pthread_mutex_init(&waits->mutex, NULL);
    return waits;
}

void bulk_waits_free(struct bulk_waits *waits) {
    if (waits != NULL) {
        pthread_mutex_destroy(&waits->mutex);
        free(waits);
    }
}

void bulk_waits_add(struct bulk_waits *waits, struct bulk_wait *wait) {
    pthread_mutex_lock(&waits->mutex);
    wait->is_there = !waits->is_stopping && !wait->is_gone;
    bool is_over = !wait->is_there;
    if (!is_over) {
        wait->number = ++waits->begun;
        wait->next = waits->first;
        waits->first = wait;
    }
    pthread_mutex_unlock(&waits->mutex);
    if (is_over) {
        wait->ended(wait);
    }
}

// Which waits are meant.
struct choice {
    struct bulk_wait *wait; // this one; or NULL:
    struct slice organization;
    struct slice id;      // those for this bulk cancel; or, if it is empty:
    int64_t due_until_us; // those whose time is over by then
};

static bool is_meant(const struct bulk_wait *wait, const struct choice *choice) {
    if (choice->wait != NULL) {
        return wait == choice->wait;
    }
    if (choice->id.len > 0) {
        return slice_equal(wait->id, choice->id) &&
               slice_equal(wait->organization, choice->organization);
    }
    return wait->until_us <= choice->due_until_us;
}

// Takes one of them out of the list; NULL if there is none.
static struct bulk_wait *take(struct bulk_waits *waits, const struct choice *choice) {
    struct bulk_wait **link = &waits->first;
    while (*link != NULL && !is_meant(*link, choice)) {
        link = &(*link)->next;
    }
    struct bulk_wait *wait = *link;
    if (wait != NULL) {
        *link = wait->next;
        wait->is_there = false;
    }
    return wait;
}

// Ends all of them.
static void end(struct bulk_waits *waits, const struct choice *choice) {
    struct bulk_wait *wait;
    do {
        pthread_mutex_lock(&waits->mutex);
        wait = take(waits, choice);
        pthread_mutex_unlock(&waits->mutex);
        if (wait != NULL) {
            wait->ended(wait);
        }
    } while (wait != NULL);
}

void bulk_waits_gone(struct bulk_waits *waits, struct bulk_wait *wait) {
    pthread_mutex_lock(&waits->mutex);
    struct bulk_wait *taken = wait->is_there ? take(waits, &(struct choice){.wait = wait}) : NULL;
    wait->is_gone = true;
    pthread_mutex_unlock(&waits->mutex);
    if (taken != NULL) {
        taken->ended(taken);
    }
}

void bulk_waits_tell(struct bulk_waits *waits, struct slice organization, struct slice id) {
    end(waits, &(struct choice){.organization = organization, .id = id});
}

// The first one that began after mark; NULL if there is none. The mutex is held.
static const struct bulk_wait *first_after(const struct bulk_waits *waits, uint64_t mark) {
    const struct bulk_wait *first = NULL;
    for (const struct bulk_wait *w = waits->first; w != NULL; w = w->next) {
        if (w->number > mark && (first == NULL || w->number < first->number)) {
            first = w;
        }
    }
    return first;
}

bool bulk_waits_next(struct bulk_waits *waits, uint64_t *mark, struct arena *a,
                     struct slice *ret_organization, struct slice *ret_id) {
    pthread_mutex_lock(&waits->mutex);
    const struct bulk_wait *wait = first_after(waits, *mark);
    if (wait != NULL) {
        *mark = wait->number;
        *ret_organization = arena_copy(a, wait->organization);
        *ret_id = arena_copy(a, wait->id);
    }
    pthread_mutex_unlock(&waits->mutex);
    return wait != NULL;
}

void bulk_waits_expire(struct bulk_waits *waits, int64_t now_us) {
    end(waits, &(struct choice){.due_until_us = now_us});
}

void bulk_waits_stop(struct bulk_waits *waits) {
    pthread_mutex_lock(&waits->mutex);
    waits->is_stopping = true;
    pthread_mutex_unlock(&waits->mutex);
    end(waits, &(struct choice){.due_until_us = INT64_MAX});
}
