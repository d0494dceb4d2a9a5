#include "base/core/check.h"
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
    feed_list_init(&l->all);
    feed_list_init(&l->bookmarks);
    feed_list_init(&l->pages);
    feed_list_init(&l->waiting);
    return l;
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
