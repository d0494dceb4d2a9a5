#include "server/feed/feed_hub.h"

#include <stdlib.h>

#include "base/core/check.h"
#include "base/core/memory.h"
#include "base/thread/condition.h"
#include "base/thread/thread.h"
#include "server/feed/feed_hub_internal.h"

// A token is looked at twice a second, so that its watches end within one.
enum { TICKS_PER_TOKEN_CHECK = 4 };

// The mutex is held.
static void tick_all(struct feed_hub *hub, bool has_ended) {
    for (int i = 0; i < hub->loop_count; i++) {
        struct feed_loop *loop = hub->loops[i];
        if (has_ended) {
            atomic_store(&loop->has_ended, true);
        }
        if (!atomic_exchange(&loop->is_ticking, true)) {
            rpc_loop_post(loop->loop, &loop->tick);
        }
    }
}

static void wait_a_tick(struct feed_hub *hub) {
    int64_t until_us = clock_monotonic_us() + FEED_CLOCK_MS * 1000;
    while (!hub->is_ending && condition_wait(&hub->changed, &hub->mutex, until_us)) {
    }
}

static void *run_clock(void *context) {
    struct feed_hub *hub = context;
    const struct service *service = hub->sources.service;
    pthread_mutex_lock(&hub->mutex);
    for (unsigned ticks = 0; !hub->is_ending; ticks++) {
        if (atomic_load(&hub->watches) == 0) {
            condition_wait(&hub->changed, &hub->mutex, 0);
            continue;
        }
        bool has_ended = ticks % TICKS_PER_TOKEN_CHECK == 0 &&
                         feed_quota_check(&hub->quota, service->tokens, service_now_us(service));
        tick_all(hub, has_ended);
        wait_a_tick(hub);
    }
    pthread_mutex_unlock(&hub->mutex);
    return NULL;
}

// --- what is counted ---

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

// While there is a watch its loop looks once a second.
static void add_up_lags(struct feed_hub *hub, struct feed_lag *ret) {
    *ret = (struct feed_lag){.watches = 0};
    pthread_mutex_lock(&hub->mutex);
    for (int i = 0; i < hub->loop_count && atomic_load(&hub->watches) > 0; i++) {
        const struct feed_lag *lag = &hub->loops[i]->lag;
        ret->watches += lag->watches;
        ret->revisions = larger(ret->revisions, lag->revisions);
        ret->age_us = larger(ret->age_us, lag->age_us);
    }
    pthread_mutex_unlock(&hub->mutex);
}

static void collect(void *context, struct metrics_collection *collection) {
    struct feed_hub *hub = context;
    struct feed_lag lag;
    add_up_lags(hub, &lag);
    const struct feed_metrics *m = &hub->metrics;
    metrics_collect(collection, m->watches, NULL, atomic_load(&hub->watches));
    metrics_collect(collection, m->held_bytes, NULL, (double)feed_hub_bytes(hub));
    feed_metrics_collect_lag(m, collection, &lag);
}

// --- its life ---

struct feed_hub *feed_hub_new(const struct service *service, const struct feed_options *options) {
    struct feed_hub *hub = mem_zalloc(sizeof(*hub));
    int max_watches = options->max_watches != 0 ? options->max_watches : FEED_DEFAULT_MAX_WATCHES;
    feed_sources_init(&hub->sources, service);
    feed_metrics_init(&hub->metrics, options->metrics, max_watches);
    feed_quota_init(&hub->quota, max_watches,
                    options->max_watches_per_token != 0 ? options->max_watches_per_token
                                                        : FEED_DEFAULT_MAX_WATCHES_PER_TOKEN);
    pthread_mutex_init(&hub->mutex, NULL);
    condition_init(&hub->changed);
    atomic_init(&hub->watches, 0);
    metrics_add_collector(options->metrics, collect, hub);
    hub->clock = thread_start("feed-clock", run_clock, hub);
    return hub;
}

static void nothing(void *context) {
    (void)context;
}

void feed_hub_free(struct feed_hub *hub) {
    if (hub == NULL) {
        return;
    }
    metrics_remove_collectors(hub->metrics.registry, hub);
    pthread_mutex_lock(&hub->mutex);
    hub->is_ending = true;
    pthread_cond_signal(&hub->changed);
    pthread_mutex_unlock(&hub->mutex);
    thread_join(hub->clock);
    for (int i = 0; i < hub->loop_count; i++) {
        rpc_loop_call(hub->loops[i]->loop, nothing, NULL); // behind the last tasks that were posted
        CHECK(hub->loops[i]->watches == 0);
        free(hub->loops[i]);
    }
    feed_quota_destroy(&hub->quota);
    feed_sources_destroy(&hub->sources);
    pthread_cond_destroy(&hub->changed);
    pthread_mutex_destroy(&hub->mutex);
    free(hub);
}

void feed_hub_committed(struct feed_hub *hub, const struct store_commit *commits, int count) {
    feed_sources_committed(&hub->sources, commits, count);
}

size_t feed_hub_bytes(struct feed_hub *hub) {
    return atomic_load(&hub->sources.batch_bytes);
}

void feed_hub_bookmark(struct feed_hub *hub, struct slice organization) {
    feed_sources_want_bookmarks(&hub->sources, organization);
}
