#include <stdlib.h>

#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "server/domain/feed_cursor.h"
#include "server/domain/run_codec.h"
#include "server/domain/run_error.h"
#include "server/feed/feed_hub.h"
#include "server/feed/feed_hub_internal.h"

static struct feed_watch *watch_of(struct service_stream *stream) {
    return CONTAINER_OF(stream, struct feed_watch, stream);
}

// --- what a loop does for its watches ---

// Lets a watch go on that has everything.
static void stir(struct feed_watch *watch) {
    feed_channel_remove_idle(watch->channel, watch);
    feed_sender_next(watch);
}

static void stir_all(struct feed_channel *channel) {
    // What arrived is kept until all have looked at it, though those that it says nothing to have
    // everything again at once: else the others would each read it from the store.
    channel->behind++;
    struct feed_list idle;
    feed_list_init(&idle);
    feed_list_move(&channel->idle, &idle);
    struct feed_link *first;
    while ((first = feed_list_first(&idle)) != NULL) {
        stir(CONTAINER_OF(first, struct feed_watch, idle_link));
    }
    channel->behind--;
}

static void want_bookmarks(struct feed_channel *channel) {
    for (struct feed_link *l = channel->idle.head.next; l != &channel->idle.head; l = l->next) {
        CONTAINER_OF(l, struct feed_watch, idle_link)->is_bookmark_due = true;
    }
}

static void fail_all(struct feed_channel *channel, const struct feed_arrival *arrival) {
    for (struct feed_link *l = channel->loop->all.head.next; l != &channel->loop->all.head;
         l = l->next) {
        struct feed_watch *watch = CONTAINER_OF(l, struct feed_watch, all_link);
        if (watch->channel == channel && watch->phase != FEED_OVER) {
            const struct store_op op = {.result = arrival->failure, .detail = arrival->detail};
            feed_sender_fail(watch, service_call_store_error(&watch->stream.call, &op));
        }
    }
}

// Returns when the first of what arrived was heard of; 0: nothing did, or nobody knows.
static int64_t take_batches(struct feed_channel *channel, struct feed_batch *first) {
    int64_t heard_us = first != NULL ? first->heard_us : 0;
    struct feed_batch *next;
    for (struct feed_batch *batch = first; batch != NULL; batch = next) {
        next = batch->next[channel->loop->index];
        feed_ring_push(&channel->ring, batch);
        channel->end = feed_batch_last(batch);
        feed_batch_release(batch);
    }
    return heard_us;
}

static void arrived(struct rpc_task *task) {
    struct feed_member *member = CONTAINER_OF(task, struct feed_member, arrived);
    struct feed_channel *channel = CONTAINER_OF(member, struct feed_channel, member);
    struct feed_arrival arrival;
    bool is_member = feed_member_take(member, &arrival);
    int64_t heard_us = take_batches(channel, arrival.batches);
    if (!is_member) {
        feed_channel_free(channel);
        return;
    }
    if (arrival.is_reset) {
        feed_ring_clear(&channel->ring);
        channel->end = arrival.end;
    }
    channel->newest = arrival.newest;
    if (arrival.wants_bookmarks) {
        want_bookmarks(channel);
    }
    if (arrival.failure != STORE_OK) {
        fail_all(channel, &arrival);
    }
    stir_all(channel);
    if (heard_us != 0) {
        metrics_histogram_observe(channel->loop->hub->metrics.delivery_time,
                                  clock_monotonic_us() - heard_us);
    }
    if (channel->behind == 0 ||
        atomic_load(&channel->loop->hub->sources.batch_bytes) > FEED_MOST_BATCH_BYTES) {
        feed_ring_clear(&channel->ring);
    }
}

static void end_unauthenticated(struct feed_loop *loop) {
    for (struct feed_link *l = loop->all.head.next; l != &loop->all.head; l = l->next) {
        struct feed_watch *watch = CONTAINER_OF(l, struct feed_watch, all_link);
        if (watch->phase != FEED_OVER && atomic_load(&watch->secret->is_over)) {
            feed_sender_fail(watch, error_new(watch->stream.call.arena, STATUS_UNAUTHENTICATED,
                                              REASON_TOKEN_INVALID,
                                              "the token that opened the watch was revoked or has "
                                              "expired"));
        }
    }
}

static void poll(struct feed_channel *channel, int64_t now_us) {
    if (now_us >= channel->poll_us) {
        channel->poll_us = now_us + FEED_POLL_US;
        feed_member_poll(&channel->member, FEED_POLL_US);
    }
}

static void tick(struct rpc_task *task) {
    struct feed_loop *loop = CONTAINER_OF(task, struct feed_loop, tick);
    atomic_store(&loop->is_ticking, false);
    if (atomic_exchange(&loop->has_ended, false)) {
        end_unauthenticated(loop);
    }
    feed_loop_look_at_lag(loop);
    int64_t now_us = loop->ticked_us;
    feed_page_drop_stalled(loop, now_us - FEED_STALL_US);
    feed_page_begin_waiting(loop);
    int left = FEED_BOOKMARKS_PER_TICK + loop->watches / 16;
    struct feed_link *first;
    while (left-- > 0 && (first = feed_list_first(&loop->bookmarks)) != NULL) {
        struct feed_watch *watch = CONTAINER_OF(first, struct feed_watch, time_link);
        if (watch->bookmark_us > now_us) {
            break;
        }
        feed_link_remove(first);
        watch->is_bookmark_due = true;
        poll(watch->channel, now_us);
        if (feed_link_is_in_list(&watch->idle_link)) {
            stir(watch);
        }
    }
}

// --- a watch's life ---

static void more(struct service_stream *stream) {
    struct feed_watch *watch = watch_of(stream);
    if (feed_link_is_in_list(&watch->idle_link)) {
        return; // it was woken by what it read, and has used that already
    }
    if (watch->phase == FEED_NEW) {
        watch->phase = FEED_STARTING;
        feed_page_begin(watch);
        return;
    }
    feed_sender_next(watch);
}

static void release_snapshot(struct feed_snapshot *snapshot) {
    if (snapshot != NULL) {
        arena_release(&snapshot->arena);
        free(snapshot);
    }
}

static void leave_channel(struct feed_watch *watch) {
    struct feed_channel *channel = watch->channel;
    if (feed_link_is_in_list(&watch->idle_link)) {
        feed_link_remove(&watch->idle_link);
    } else {
        feed_channel_forget(channel);
    }
    feed_member_want(&channel->member, watch->include_run ? -1 : 0,
                     watch->filter.workflow.len > 0 ? -1 : 0);
    channel->watches--;
    if (channel->watches == 0) {
        feed_channel_leave(channel);
    }
}

static void closed(struct service_stream *stream) {
    struct feed_watch *watch = watch_of(stream);
    feed_page_end(watch);
    feed_link_remove(&watch->time_link);
    feed_link_remove(&watch->all_link);
    watch->channel->loop->watches--;
    leave_channel(watch);
    atomic_fetch_sub(&watch->hub->watches, 1);
    feed_quota_leave(&watch->hub->quota, watch->secret);
    release_snapshot(watch->snapshot);
    feed_filter_release(&watch->filter);
}

const struct service_stream_kind feed_watch_kind = {
    .bytes = sizeof(struct feed_watch),
    .scope = SCOPE_RUNS_READ,
    .holds_head = true,
    .more = more,
    .closed = closed,
};

// --- what was asked for ---

static const struct error *read_cursor(struct feed_watch *watch, const char *text) {
    const struct service_call *call = &watch->stream.call;
    const struct run_store *store = call->service->store;
    switch (feed_cursor_open(call->arena, store->secret, call->organization, store->epoch, text,
                             &watch->position)) {
    case FEED_CURSOR_GOOD:
        watch->has_cursor = true;
        return NULL;
    case FEED_CURSOR_OTHER_EPOCH:
        return error_new(call->arena, STATUS_OUT_OF_RANGE, REASON_CURSOR_EXPIRED,
                         "the cursor is of a history that the store does not have any more, as "
                         "after a restore: watch again without it, with a snapshot");
    case FEED_CURSOR_FORGED:
        break;
    }
    return run_error_field(call->arena, "cursor",
                           "was not made by this server for this organization, got %zu bytes: "
                           "watch again without it, with a snapshot",
                           strlen(text));
}

static const struct error *read_since(struct feed_watch *watch,
                                      const Runs__V1__WatchRunsRequest *request) {
    struct arena *a = watch->stream.call.arena;
    if (request->cursor[0] != '\0' || request->snapshot) {
        return run_error_field(
            a, "since", "and %s exclude each other: a watch begins with the one or the other",
            request->snapshot ? "snapshot" : "cursor");
    }
    if (!run_timestamp_decode(request->since, &watch->since_us)) {
        return run_error_field(a, "since", "must be a time of the years 1 to 9999");
    }
    watch->has_since = true;
    return NULL;
}

static const struct error *read_start(struct feed_watch *watch,
                                      const Runs__V1__WatchRunsRequest *request) {
    if (request->since != NULL) {
        return read_since(watch, request);
    }
    bool has_cursor = request->cursor[0] != '\0';
    if (has_cursor && request->snapshot) {
        return run_error_field(watch->stream.call.arena, "snapshot",
                               "and cursor exclude each other: a watch begins with the one or "
                               "behind the other");
    }
    return has_cursor ? read_cursor(watch, request->cursor) : NULL;
}

// The statuses of live runs that status, RUN_STATUS_BITs, names; all if it names none of them.
static uint32_t live_statuses(uint32_t status) {
    uint32_t live = status & RUN_STATUS_ACTIVE;
    return live != 0 ? live : RUN_STATUS_ACTIVE;
}

static struct feed_snapshot *new_snapshot(const struct feed_watch *watch,
                                          const Runs__V1__WatchRunsRequest *request) {
    struct feed_snapshot *snapshot = mem_zalloc(sizeof(*snapshot));
    arena_init(&snapshot->arena);
    snapshot->status = live_statuses(watch->filter.status);
    snapshot->id_count = (int)request->n_run_ids;
    snapshot->ids = ARENA_ARRAY(&snapshot->arena, struct slice, snapshot->id_count);
    for (int i = 0; i < snapshot->id_count; i++) {
        snapshot->ids[i] = arena_copy(&snapshot->arena, slice_of_cstr(request->run_ids[i]));
    }
    return snapshot;
}

static void join(struct feed_watch *watch) {
    struct service_call *call = &watch->stream.call;
    struct feed_loop *loop = feed_loop_of(watch->hub, rpc_server_call_loop(call->rpc), tick);
    watch->channel = feed_channel_join(loop, call->organization, arrived);
    feed_member_want(&watch->channel->member, watch->include_run ? 1 : 0,
                     watch->filter.workflow.len > 0 ? 1 : 0);
    watch->behind_us = loop->ticked_us;
    feed_list_append(&loop->all, &watch->all_link);
    loop->watches++;
    if (atomic_fetch_add(&watch->hub->watches, 1) == 0) {
        pthread_mutex_lock(&watch->hub->mutex);
        pthread_cond_signal(&watch->hub->changed);
        pthread_mutex_unlock(&watch->hub->mutex);
    }
}

const struct error *feed_hub_watch(struct feed_hub *hub, struct service_stream *stream,
                                   const Runs__V1__WatchRunsRequest *request) {
    struct feed_watch *watch = watch_of(stream);
    watch->hub = hub;
    watch->include_run = request->include_run;
    const struct error *error = read_start(watch, request);
    if (error == NULL) {
        error = feed_filter_read(stream->call.arena, request, &watch->filter);
    }
    if (error == NULL) {
        error = feed_quota_enter(&hub->quota, stream->call.arena, &stream->call.identity,
                                 &watch->secret);
    }
    if (error != NULL) {
        feed_filter_release(&watch->filter);
        return error;
    }
    watch->snapshot = request->snapshot ? new_snapshot(watch, request) : NULL;
    join(watch);
    service_stream_begin(stream, NULL);
    return NULL;
}
