#include "base/process/memory_keeper.h"

#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "base/thread/condition.h"
#include "base/thread/thread.h"

enum { LOOKS_UNTIL_ANOTHER = 5 };

struct memory_keeper {
    pthread_t thread;
    int64_t idle_after_trim;
    int64_t least_after_trim; // of all trims
    int looks;                // since the last one
    pthread_mutex_t mutex;    // guards what follows
    pthread_cond_t changed;
    bool is_ending;
};

// The resident bytes of the process that malloc has not given out. Memory that is not
// malloc's counts too, but hardly changes. -1 if they cannot be read.
static int64_t idle_bytes(void) {
    FILE *statm = fopen("/proc/self/statm", "re");
    if (statm == NULL) {
        return -1;
    }
    long size;
    long resident;
    bool is_read = fscanf(statm, "%ld %ld", &size, &resident) == 2;
    fclose(statm);
    struct mallinfo2 info = mallinfo2();
    return is_read
               ? (int64_t)resident * sysconf(_SC_PAGESIZE) - (int64_t)(info.uordblks + info.hblkhd)
               : -1;
}

static void look(struct memory_keeper *keeper) {
    int64_t idle = idle_bytes();
    keeper->looks++;
    if (idle < keeper->idle_after_trim) {
        keeper->idle_after_trim = idle; // idle memory is in use again
    }
    // A trim under load finds little; one after the load may find much more.
    bool is_worth_another = keeper->looks >= LOOKS_UNTIL_ANOTHER &&
                            idle - keeper->least_after_trim > MEMORY_KEEPER_MOST_BYTES;
    if (idle - keeper->idle_after_trim > MEMORY_KEEPER_MOST_BYTES || is_worth_another) {
        malloc_trim(0);
        keeper->looks = 0;
        keeper->idle_after_trim = idle_bytes();
        if (keeper->idle_after_trim < keeper->least_after_trim) {
            keeper->least_after_trim = keeper->idle_after_trim;
        }
    }
}

static void *run(void *argument) {
    struct memory_keeper *keeper = argument;
    pthread_mutex_lock(&keeper->mutex);
    while (!keeper->is_ending) {
        int64_t at_us = clock_monotonic_us() + (int64_t)MEMORY_KEEPER_PERIOD_MS * 1000;
        while (!keeper->is_ending && condition_wait(&keeper->changed, &keeper->mutex, at_us)) {
        }
        if (!keeper->is_ending) {
            pthread_mutex_unlock(&keeper->mutex);
            look(keeper);
            pthread_mutex_lock(&keeper->mutex);
        }
    }
    pthread_mutex_unlock(&keeper->mutex);
    return NULL;
}

struct memory_keeper *memory_keeper_start(void) {
    struct memory_keeper *keeper = mem_zalloc(sizeof(*keeper));
    keeper->idle_after_trim = idle_bytes();
    keeper->least_after_trim = keeper->idle_after_trim;
    pthread_mutex_init(&keeper->mutex, NULL);
    condition_init(&keeper->changed);
    keeper->thread = thread_start("memory-keeper", run, keeper);
    return keeper;
}

void memory_keeper_stop(struct memory_keeper *keeper) {
    if (keeper == NULL) {
        return;
    }
    pthread_mutex_lock(&keeper->mutex);
    keeper->is_ending = true;
    pthread_cond_broadcast(&keeper->changed);
    pthread_mutex_unlock(&keeper->mutex);
    thread_join(keeper->thread);
    pthread_cond_destroy(&keeper->changed);
    pthread_mutex_destroy(&keeper->mutex);
    free(keeper);
}
