#include <stdlib.h>

#include "base/core/check.h"
#include "server/feed/feed_hub_internal.h"
#include "server/feed/feed_message.h"

// --- ends ---

void feed_sender_fail(struct feed_watch *watch, const struct error *error) {
    watch->phase = FEED_OVER;
    service_stream_finish(&watch->stream, error);
}

static const struct error *expired(struct arena *a, int64_t position, int64_t floor,
                                   int64_t newest) {
    if (position > newest) {
        return error_new(a, STATUS_OUT_OF_RANGE, REASON_CURSOR_EXPIRED,
                         "the cursor is of revision %lld, which the store, whose newest one is "
                         "%lld, has not come to: watch again without it, with a snapshot",
                         (long long)position, (long long)newest);
    }
    return error_new(a, STATUS_OUT_OF_RANGE, REASON_CURSOR_EXPIRED,
                     "the changes behind revision %lld are not kept any more, those from %lld on "
                     "are: watch again without the cursor, with a snapshot",
                     (long long)position, (long long)floor + 1);
}

// --- sending ---

static bool send(struct feed_watch *watch, enum feed_message_kind kind, struct slice message) {
    if (service_stream_send(&watch->stream, &message, 1)) {
        metrics_counter_add(watch->hub->metrics.sent[kind], 1);
        return true;
    }
    watch->phase = FEED_OVER; // the client, or the stop, has ended it; closed will come
    return false;
}

static int64_t newest_of(const struct feed_watch *watch) {
    int64_t newest =
        watch->newest > watch->channel->newest ? watch->newest : watch->channel->newest;
    return newest > watch->position ? newest : watch->position;
}

// The bookmark that says so, which is no other watch's.
static bool send_cut_bookmark(struct feed_watch *watch) {
    const struct service_call *call = &watch->stream.call;
    struct strbuf bookmark = STRBUF_INIT;
    feed_message_put_bookmark(&bookmark, call->arena, call->service->store, call->organization,
                              watch->position, newest_of(watch), true);
    bool is_sent = send(watch, FEED_MESSAGE_BOOKMARK, strbuf_slice(&bookmark));
    strbuf_release(&bookmark);
    return is_sent;
}

static void send_bookmark(struct feed_watch *watch) {
    struct feed_channel *channel = watch->channel;
    if (!(watch->is_cut
              ? send_cut_bookmark(watch)
              : send(watch, FEED_MESSAGE_BOOKMARK,
                     feed_channel_bookmark(channel, watch->position, newest_of(watch))))) {
        return;
    }
    watch->is_cut = false;
    watch->is_bookmark_due = false;
    watch->bookmark_us = clock_monotonic_us() + FEED_BOOKMARK_US;
    feed_link_remove(&watch->time_link);
    feed_list_append(&channel->loop->bookmarks, &watch->time_link);
}

// --- what was read for this watch alone ---

static void end_snapshot(struct feed_watch *watch) {
    arena_release(&watch->snapshot->arena);
    free(watch->snapshot);
    watch->snapshot = NULL;
}

static void learn(struct feed_watch *watch, int64_t newest) {
    struct feed_channel *channel = watch->channel;
    watch->newest = newest;
    int64_t end = feed_member_learn(&channel->member, newest);
    channel->end = end > channel->end ? end : channel->end;
}

// Takes what the store says of runs.
static void take_runs(struct feed_watch *watch) {
    const struct store_list_runs *runs = &watch->page->runs;
    struct feed_snapshot *snapshot = watch->snapshot;
    snapshot->has_more = runs->ret_has_more;
    if (runs->ret_has_more && runs->ret_count == 0) { // it went through many without finding one
        snapshot->has_place = true;
        snapshot->place = runs->ret_cursor;
        memcpy(snapshot->id, runs->ret_cursor.id.data, runs->ret_cursor.id.len);
        snapshot->place.id.data = (const uint8_t *)snapshot->id;
    }
    if (watch->phase == FEED_STARTING) {
        snapshot->revision = runs->ret_newest_revision;
        learn(watch, runs->ret_newest_revision);
        watch->phase = FEED_SNAPSHOT;
        service_stream_send_head(&watch->stream);
    }
}

static void take_changes(struct feed_watch *watch) {
    const struct store_list_changes *changes = &watch->page->changes;
    watch->newest = changes->ret_newest;
    if (watch->phase == FEED_STARTING) {
        watch->position = watch->has_cursor ? watch->position : changes->ret_newest;
        learn(watch, changes->ret_newest);
        watch->phase = FEED_FOLLOWING;
        watch->is_bookmark_due = true; // so that the client has a cursor at once
    }
}

// Where the watch begins is known: what comes behind it is read next.
static void take_place(struct feed_watch *watch) {
    const struct store_find_revision *place = &watch->page->place;
    watch->position = place->ret_revision;
    watch->is_cut = place->ret_floor > 0 && place->ret_revision <= place->ret_floor;
    watch->has_cursor = true;
    feed_page_end(watch);
    feed_page_begin(watch);
}

// Whether the floor was raised above the place that was found for since, before it was read from.
static bool lost_its_place(const struct feed_watch *watch) {
    return watch->phase == FEED_STARTING && watch->has_since &&
           watch->page->op.result == STORE_CONFLICT;
}

// Takes what the store says. Returns false if that ends the watch, or if it is to be asked again.
static bool take_page(struct feed_watch *watch) {
    struct feed_page *page = watch->page;
    struct service_call *call = &watch->stream.call;
    if (page->op.result == STORE_BUSY && watch->phase != FEED_STARTING) {
        feed_page_end(watch);
        feed_list_append(&watch->channel->loop->waiting, &watch->page_link);
        return false;
    }
    if (lost_its_place(watch)) {
        watch->has_cursor = false;
        feed_page_end(watch);
        feed_page_begin(watch);
        return false;
    }
    const struct error *error = service_call_store_error(call, &page->op);
    if (error == NULL && page->op.result != STORE_OK) {
        error = expired(call->arena, watch->position, page->changes.ret_floor,
                        page->changes.ret_newest);
    }
    if (error != NULL) {
        feed_sender_fail(watch, error);
        return false;
    }
    if (page->is_place) {
        take_place(watch);
        return false;
    }
    if (page->is_of_runs) {
        take_runs(watch);
    } else {
        take_changes(watch);
    }
    page->is_taken = true;
    arena_release(&page->arena);
    if (page->batch == NULL) {
        feed_page_end(watch);
    }
    return true;
}

// --- the snapshot ---

// Returns whether it sent something, or reads, or has ended.
static bool send_snapshot(struct feed_watch *watch) {
    struct feed_snapshot *snapshot = watch->snapshot;
    struct feed_page *page = watch->page;
    if (page != NULL && page->next < page->batch->count) {
        const struct feed_item *item = &page->batch->items[page->next];
        if (send(watch, FEED_MESSAGE_RUN, item->message)) {
            page->next++;
            CHECK(item->place.id.len <= sizeof(snapshot->id));
            memcpy(snapshot->id, item->place.id.data, item->place.id.len);
            snapshot->place.started_at_us = item->place.started_at_us;
            snapshot->place.id = slice_of(snapshot->id, item->place.id.len);
            snapshot->has_place = true;
            feed_page_moved(watch);
        }
        return true;
    }
    bool was_dropped = page == NULL;
    feed_page_end(watch);
    if (was_dropped || snapshot->has_more) {
        feed_page_begin(watch);
        return true;
    }
    struct strbuf end = STRBUF_INIT;
    feed_message_put_snapshot_end(&end);
    watch->position = snapshot->revision;
    end_snapshot(watch);
    watch->phase = FEED_FOLLOWING;
    watch->is_bookmark_due = true;
    send(watch, FEED_MESSAGE_SNAPSHOT_END, strbuf_slice(&end));
    strbuf_release(&end);
    return true;
}

// --- changes ---

static bool has_all(const struct feed_watch *watch, const struct feed_batch *batch) {
    return (batch->has_runs || !watch->include_run) &&
           (batch->has_workflows || watch->filter.workflow.len == 0);
}

// The batch that has what comes next; NULL if there is none at hand.
static const struct feed_batch *batch_at_hand(const struct feed_watch *watch) {
    if (watch->page != NULL) {
        return watch->page->batch;
    }
    const struct feed_batch *batch = feed_ring_find(&watch->channel->ring, watch->position + 1);
    return batch != NULL && has_all(watch, batch) ? batch : NULL;
}

// The next change at hand that the filter lets through, with its revision; the position moves over
// those that it does not.
static const struct feed_item *next_change(struct feed_watch *watch, int64_t *ret_revision) {
    const struct feed_batch *batch;
    while ((batch = batch_at_hand(watch)) != NULL) {
        for (int64_t i = watch->position + 1 - batch->first; i < batch->count; i++) {
            if (feed_filter_matches(&watch->filter, &batch->items[i].facts)) {
                *ret_revision = batch->first + i;
                return &batch->items[i];
            }
            watch->position = batch->first + i;
        }
        feed_page_end(watch);
    }
    return NULL;
}

static void follow(struct feed_watch *watch) {
    if (watch->is_bookmark_due) {
        send_bookmark(watch);
        return;
    }
    int64_t revision = 0;
    const struct feed_item *item = next_change(watch, &revision);
    if (item != NULL) {
        if (send(watch, FEED_MESSAGE_CHANGE, watch->include_run ? item->with_run : item->message)) {
            watch->position = revision;
            if (watch->page != NULL) {
                feed_page_moved(watch);
            }
        }
    } else if (watch->position < watch->channel->end || watch->position < watch->newest) {
        feed_page_begin(watch);
    } else {
        feed_channel_add_idle(watch->channel, watch);
    }
}

void feed_sender_next(struct feed_watch *watch) {
    if (watch->phase == FEED_NEW || watch->phase == FEED_OVER || feed_page_is_coming(watch)) {
        return;
    }
    if (watch->page != NULL && !watch->page->is_taken && !take_page(watch)) {
        return;
    }
    if (watch->phase != FEED_SNAPSHOT || !send_snapshot(watch)) {
        follow(watch);
    }
}
