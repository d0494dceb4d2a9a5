#include "server/duty/duty.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/core/memory.h"

struct duty {
    const struct logger *log;
    struct metrics_child *gauge;
    atomic_bool is_on;
    pthread_mutex_t mutex; // guards what follows, and is held while members are told
    bool is_shared;
    struct duty_member *first;
};

struct duty *duty_new(const struct logger *log, struct metrics *metrics) {
    static const struct metrics_info info = {
        .name = "runsd_on_duty",
        .help = "1 on the server that runs what is done once for all servers of a store: the "
                "sweeps and bulk cancels",
        .kind = METRICS_GAUGE,
    };
    struct duty *duty = mem_zalloc(sizeof(*duty));
    duty->log = log;
    duty->gauge = metrics_add(metrics, &info);
    atomic_init(&duty->is_on, false);
    pthread_mutex_init(&duty->mutex, NULL);
    return duty;
}

void duty_free(struct duty *duty) {
    if (duty != NULL) {
        pthread_mutex_destroy(&duty->mutex);
        free(duty);
    }
}

// The mutex is held.
static void tell_log(const struct duty *duty) {
    if (!duty->is_shared) {
        return; // nobody else could be
    }
    if (atomic_load(&duty->is_on)) {
        LOG(duty->log, LOG_INFO, "on duty: the sweeps and bulk cancels of the store are run here");
    } else {
        LOG(duty->log, LOG_INFO, "off duty: another server runs the sweeps and bulk cancels");
    }
}

void duty_set(struct duty *duty, bool is_on) {
    pthread_mutex_lock(&duty->mutex);
    bool changes = atomic_exchange(&duty->is_on, is_on) != is_on;
    if (changes) {
        metrics_gauge_set(duty->gauge, is_on);
        tell_log(duty);
    }
    for (struct duty_member *m = duty->first; m != NULL && changes; m = m->next) {
        m->changed(m->context);
    }
    pthread_mutex_unlock(&duty->mutex);
}

void duty_share(struct duty *duty) {
    pthread_mutex_lock(&duty->mutex);
    duty->is_shared = true;
    tell_log(duty);
    pthread_mutex_unlock(&duty->mutex);
}

bool duty_is_on(struct duty *duty) {
    return duty == NULL || atomic_load(&duty->is_on);
}

void duty_join(struct duty *duty, struct duty_member *member) {
    if (duty == NULL) {
        return;
    }
    pthread_mutex_lock(&duty->mutex);
    member->next = duty->first;
    duty->first = member;
    pthread_mutex_unlock(&duty->mutex);
}

static void wake(void *context) {
    periodic_wake(context);
}

void duty_join_thread(struct duty *duty, struct duty_member *member, struct periodic *thread) {
    *member = (struct duty_member){.changed = wake, .context = thread};
    duty_join(duty, member);
}

bool duty_is_over(struct duty *duty, struct periodic *thread) {
    return periodic_is_stopping(thread) || !duty_is_on(duty);
}

void duty_leave(struct duty *duty, struct duty_member *member) {
    if (duty == NULL) {
        return;
    }
    pthread_mutex_lock(&duty->mutex);
    struct duty_member **link = &duty->first;
    while (*link != member) {
        link = &(*link)->next;
    }
    *link = member->next;
    pthread_mutex_unlock(&duty->mutex);
}
