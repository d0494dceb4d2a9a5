#include "base/core/check.h"
#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "server/feed/feed_hub_internal.h"

static struct feed_loop *new_loop(struct feed_hub *hub, struct rpc_loop *loop, int index,
                                  void (*tick)(struct rpc_task *task)) {
    struct feed_loop *l = mem_zalloc(sizeof(*l));
    l->hub = hub;
    l->loop = loop;
    l->index = index;
    l->tick.run = tick;
    atomic_init(&l->is_ticking, false);
    atomic_init(&l->has_ended, false);
    l->ticked_us = clock_monotonic_us();
    feed_list_init(&l->all);
    feed_list_init(&l->bookmarks);
    feed_list_init(&l->pages);
    feed_list_init(&l->waiting);
    return l;
}

// --- how far watches are behind ---

static bool has_watch_behind(const struct feed_loop *loop) {
    for (int i = 0; i < FEED_CHANNEL_BUCKETS; i++) {
        for (const struct feed_channel *c = loop->channels[i]; c != NULL; c = c->next) {
            if (c->behind > 0) {
                return true;
            }
        }
    }
    return false;
}

// What is found of watches that are looked at one after the other.
struct finding {
    int watches;
    int64_t revisions;
    int64_t since_us;
};

static void look_at(const struct feed_watch *watch, struct finding *ret) {
    if (watch->phase != FEED_FOLLOWING || feed_link_is_in_list(&watch->idle_link)) {
        return;
    }
    int64_t newest =
        watch->channel->newest > watch->newest ? watch->channel->newest : watch->newest;
    int64_t revisions = newest > watch->position ? newest - watch->position : 0;
    ret->watches++;
    ret->revisions = revisions > ret->revisions ? revisions : ret->revisions;
    if (ret->since_us == 0 || watch->behind_us < ret->since_us) {
        ret->since_us = watch->behind_us;
    }
}

void feed_loop_look_at_lag(struct feed_loop *loop) {
    enum { TICKS_A_LOOK = 1000 / FEED_CLOCK_MS };
    loop->ticked_us = clock_monotonic_us();
    if (loop->ticks++ % TICKS_A_LOOK != 0) {
        return;
    }
    struct finding found = {.watches = 0};
    if (has_watch_behind(loop)) {
        for (struct feed_link *l = loop->all.head.next; l != &loop->all.head; l = l->next) {
            look_at(CONTAINER_OF(l, struct feed_watch, all_link), &found);
        }
    }
    atomic_store(&loop->lag.watches, found.watches);
    atomic_store(&loop->lag.revisions, found.revisions);
    atomic_store(&loop->lag.age_us, found.since_us != 0 ? loop->ticked_us - found.since_us : 0);
}

struct feed_loop *feed_loop_of(struct feed_hub *hub, struct rpc_loop *loop,
                               void (*tick)(struct rpc_task *task)) {
    struct feed_loop *found = NULL;
    pthread_mutex_lock(&hub->mutex);
    for (int i = 0; i < hub->loop_count; i++) {
        found = hub->loops[i]->loop == loop ? hub->loops[i] : found;
    }
    if (found == NULL) {
        CHECK(hub->loop_count < FEED_MOST_LOOPS); // a server has one for sockets and one in process
        found = new_loop(hub, loop, hub->loop_count, tick);
        hub->loops[hub->loop_count++] = found;
    }
    pthread_mutex_unlock(&hub->mutex);
    return found;
}
