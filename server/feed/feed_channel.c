#include <stdlib.h>
#include <xxhash.h>

#include "base/core/check.h"
#include "base/core/memory.h"
#include "server/feed/feed_hub_internal.h"
#include "server/feed/feed_message.h"

static struct feed_channel **bucket_of(struct feed_loop *loop, uint64_t hash) {
    return &loop->channels[hash % FEED_CHANNEL_BUCKETS];
}

static struct feed_channel *new_channel(struct feed_loop *loop, struct slice organization,
                                        uint64_t hash, void (*arrived)(struct rpc_task *task)) {
    struct feed_channel *channel = mem_zalloc(sizeof(*channel));
    channel->loop = loop;
    channel->hash = hash;
    channel->newest = -1;
    channel->bookmark_revision = -1;
    feed_list_init(&channel->idle);
    channel->member.loop = loop->loop;
    channel->member.loop_index = loop->index;
    channel->member.arrived.run = arrived;
    channel->end = feed_member_join(&channel->member, &loop->hub->sources, organization);
    struct feed_channel **bucket = bucket_of(loop, hash);
    channel->next = *bucket;
    *bucket = channel;
    return channel;
}

struct feed_channel *feed_channel_join(struct feed_loop *loop, struct slice organization,
                                       void (*arrived)(struct rpc_task *task)) {
    uint64_t hash = XXH3_64bits(organization.data, organization.len);
    struct feed_channel *channel = *bucket_of(loop, hash);
    while (channel != NULL &&
           !(channel->hash == hash &&
             slice_equal(feed_member_organization(&channel->member), organization))) {
        channel = channel->next;
    }
    if (channel == NULL) {
        channel = new_channel(loop, organization, hash, arrived);
    }
    channel->watches++;
    channel->behind++;
    return channel;
}

void feed_channel_free(struct feed_channel *channel) {
    feed_ring_release(&channel->ring);
    strbuf_release(&channel->bookmark);
    free(channel);
}

void feed_channel_leave(struct feed_channel *channel) {
    CHECK(channel->watches == 0);
    struct feed_channel **link = bucket_of(channel->loop, channel->hash);
    while (*link != channel) {
        link = &(*link)->next;
    }
    *link = channel->next;
    if (feed_member_leave(&channel->member)) {
        feed_channel_free(channel);
    }
}

// Who has everything needs no ring, and who comes reads the store.
void feed_channel_forget(struct feed_channel *channel) {
    channel->behind--;
    if (channel->behind == 0) {
        feed_ring_clear(&channel->ring);
    }
}

void feed_channel_add_idle(struct feed_channel *channel, struct feed_watch *watch) {
    feed_list_append(&channel->idle, &watch->idle_link);
    feed_channel_forget(channel);
}

void feed_channel_remove_idle(struct feed_channel *channel, struct feed_watch *watch) {
    feed_link_remove(&watch->idle_link);
    watch->behind_us = channel->loop->ticked_us;
    channel->behind++;
}

struct slice feed_channel_bookmark(struct feed_channel *channel, int64_t revision, int64_t newest) {
    if (revision != channel->bookmark_revision || newest != channel->bookmark_newest) {
        struct arena a;
        arena_init(&a);
        channel->bookmark.len = 0;
        feed_message_put_bookmark(
            &channel->bookmark, &a, channel->loop->hub->sources.service->store,
            feed_member_organization(&channel->member), revision, newest, false);
        channel->bookmark_revision = revision;
        channel->bookmark_newest = newest;
        arena_release(&a);
    }
    return strbuf_slice(&channel->bookmark);
}
