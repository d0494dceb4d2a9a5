#include "gateway/http/stream_group.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "base/thread/condition.h"
#include "base/thread/thread.h"

struct stream_group {
    pthread_t thread;
    pthread_mutex_t mutex; // guards what follows
    pthread_cond_t changed;
    struct stream_member *members;
    bool is_woken; // a member is due sooner than it said, or has not said when
    bool is_stopped;
    bool is_ending;

    // Of its own, so that who holds a member's lock may take it: the other one is
    // taken before a member's.
    pthread_mutex_t calls_mutex;
    pthread_cond_t calls_over;
    size_t call_count; // of members, not over
};

// Waits until at_us, or until there is no member; can_be_woken: or until one is due sooner.
static void wait_until(struct stream_group *group, int64_t at_us, bool can_be_woken) {
    while (!group->is_ending && !(can_be_woken && group->is_woken) && group->members != NULL &&
           condition_wait(&group->changed, &group->mutex, at_us)) {
    }
}

// Calls all; returns when it must do so again.
static int64_t beat_all(struct stream_group *group) {
    int64_t next_us = INT64_MAX;
    group->is_woken = false;
    for (struct stream_member *m = group->members; m != NULL; m = m->next) {
        int64_t due_us = m->beat(m, clock_monotonic_us());
        next_us = due_us < next_us ? due_us : next_us;
    }
    return next_us;
}

static void *run(void *argument) {
    struct stream_group *group = argument;
    pthread_mutex_lock(&group->mutex);
    while (!group->is_ending) {
        if (group->members == NULL) {
            group->is_woken = false; // for those that have left: who comes wakes again
            pthread_cond_wait(&group->changed, &group->mutex);
            continue;
        }
        int64_t round_end_us = clock_monotonic_us() + STREAM_GROUP_ROUND_US;
        int64_t due_us = beat_all(group);
        wait_until(group, round_end_us, false);
        wait_until(group, due_us, true);
    }
    pthread_mutex_unlock(&group->mutex);
    return NULL;
}

struct stream_group *stream_group_new(void) {
    struct stream_group *group = mem_zalloc(sizeof(*group));
    pthread_mutex_init(&group->mutex, NULL);
    pthread_mutex_init(&group->calls_mutex, NULL);
    condition_init(&group->calls_over);
    condition_init(&group->changed);
    group->thread = thread_start("http-streams", run, group);
    return group;
}

void stream_group_free(struct stream_group *group) {
    if (group == NULL) {
        return;
    }
    pthread_mutex_lock(&group->mutex);
    group->is_ending = true;
    pthread_cond_broadcast(&group->changed);
    pthread_mutex_unlock(&group->mutex);
    thread_join(group->thread);
    pthread_cond_destroy(&group->calls_over);
    pthread_mutex_destroy(&group->calls_mutex);
    pthread_cond_destroy(&group->changed);
    pthread_mutex_destroy(&group->mutex);
    free(group);
}

// Under the lock.
static void wake(struct stream_group *group) {
    if (!group->is_woken) {
        group->is_woken = true;
        pthread_cond_broadcast(&group->changed);
    }
}

void stream_group_wake(struct stream_group *group) {
    pthread_mutex_lock(&group->mutex);
    wake(group);
    pthread_mutex_unlock(&group->mutex);
}

bool stream_group_add(struct stream_group *group, struct stream_member *member) {
    pthread_mutex_lock(&group->mutex);
    bool is_added = !group->is_stopped;
    if (is_added) {
        member->next = group->members;
        member->link = &group->members;
        if (member->next != NULL) {
            member->next->link = &member->next;
        }
        group->members = member;
        pthread_mutex_lock(&group->calls_mutex);
        group->call_count++;
        pthread_mutex_unlock(&group->calls_mutex);
        wake(group);
    }
    pthread_mutex_unlock(&group->mutex);
    return is_added;
}

void stream_group_call_over(struct stream_group *group) {
    pthread_mutex_lock(&group->calls_mutex);
    group->call_count--;
    if (group->call_count == 0) {
        pthread_cond_broadcast(&group->calls_over);
    }
    pthread_mutex_unlock(&group->calls_mutex);
}

void stream_group_remove(struct stream_group *group, struct stream_member *member) {
    pthread_mutex_lock(&group->mutex);
    *member->link = member->next;
    if (member->next != NULL) {
        member->next->link = member->link;
    }
    if (group->members == NULL) {
        pthread_cond_broadcast(&group->changed);
    }
    pthread_mutex_unlock(&group->mutex);
}

void stream_group_stop(struct stream_group *group) {
    pthread_mutex_lock(&group->mutex);
    group->is_stopped = true;
    for (struct stream_member *m = group->members; m != NULL; m = m->next) {
        m->stop(m);
    }
    pthread_mutex_unlock(&group->mutex);
    pthread_mutex_lock(&group->calls_mutex);
    while (group->call_count > 0) {
        pthread_cond_wait(&group->calls_over, &group->calls_mutex);
    }
    pthread_mutex_unlock(&group->calls_mutex);
}

void stream_group_wait_empty(struct stream_group *group) {
    pthread_mutex_lock(&group->mutex);
    while (group->members != NULL) {
        pthread_cond_wait(&group->changed, &group->mutex);
    }
    pthread_mutex_unlock(&group->mutex);
}
