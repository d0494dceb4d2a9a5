#include <stdlib.h>

#include "base/core/check.h"
#include "base/core/memory.h"
#include "server/feed/feed_hub_internal.h"

enum { CHANGES_PER_PAGE = 64, RUNS_PER_PAGE = 32, CHANGES_WITH_RUNS_PER_PAGE = 16 };

static void page_done(struct store_op *op) {
    struct feed_page *page = op->context;
    struct feed_watch *watch = page->watch;
    struct feed_sources *sources = &watch->hub->sources;
    if (page->is_place) {
        // there is nothing to encode
    } else if (op->result == STORE_OK && page->is_of_runs) {
        page->batch = feed_batch_of_runs(&page->runs, &sources->batch_bytes);
    } else if (op->result == STORE_OK && page->changes.ret_count > 0) {
        page->batch =
            feed_batch_new(sources->service->store, &page->changes, &sources->batch_bytes);
        if (page->batch == NULL) {
            op->result = STORE_UNAVAILABLE;
            op->detail = "the changes that the store lists have a gap";
        }
    }
    atomic_store(&page->is_read, true);
    service_stream_release(&watch->stream); // not touched any more on this thread
}

static void set_changes(struct feed_page *page) {
    const struct feed_watch *watch = page->watch;
    bool asks_only = watch->phase == FEED_STARTING && !watch->has_cursor;
    page->changes.op.kind = &store_list_changes_kind;
    page->changes.organization = watch->stream.call.organization;
    page->changes.after_revision = watch->position;
    page->changes.limit = asks_only            ? 0
                          : watch->include_run ? CHANGES_WITH_RUNS_PER_PAGE
                                               : CHANGES_PER_PAGE;
    page->changes.with_workflow = watch->filter.workflow.len > 0;
    page->changes.with_runs = watch->include_run;
}

static void set_runs(struct feed_page *page) {
    const struct feed_watch *watch = page->watch;
    const struct feed_snapshot *snapshot = watch->snapshot;
    page->is_of_runs = true;
    page->runs.op.kind = &store_list_runs_kind;
    page->runs.organization = watch->stream.call.organization;
    page->runs.status = snapshot->status;
    page->runs.workflow_id = watch->filter.workflow;
    page->runs.holder = watch->filter.holder;
    page->runs.ids = snapshot->ids;
    page->runs.id_count = snapshot->id_count;
    page->runs.started_after_us = INT64_MIN;
    page->runs.started_before_us = INT64_MAX;
    page->runs.has_cursor = snapshot->has_place;
    page->runs.cursor = snapshot->place;
    page->runs.limit = RUNS_PER_PAGE;
}

static void set_place(struct feed_page *page) {
    const struct feed_watch *watch = page->watch;
    page->is_place = true;
    page->place.op.kind = &store_find_revision_kind;
    page->place.organization = watch->stream.call.organization;
    page->place.at_us = watch->since_us;
}

static void read_page(struct feed_watch *watch) {
    struct feed_page *page = mem_zalloc(sizeof(*page));
    page->watch = watch;
    atomic_init(&page->is_read, false);
    arena_init(&page->arena);
    if (watch->snapshot != NULL) {
        set_runs(page);
    } else if (watch->has_since && !watch->has_cursor) {
        set_place(page);
    } else {
        set_changes(page);
    }
    page->op.arena = &page->arena;
    page->op.done = page_done;
    page->op.context = page;
    watch->page = page;
    watch->moved_us = clock_monotonic_us();
    feed_list_append(&watch->channel->loop->pages, &watch->page_link);
    service_stream_hold(&watch->stream);
    run_store_submit(watch->hub->sources.service->store, &page->op);
}

static bool has_room(struct feed_loop *loop) {
    return feed_list_is_empty(&loop->pages) ||
           atomic_load(&loop->hub->sources.batch_bytes) < FEED_MOST_BATCH_BYTES;
}

void feed_page_begin(struct feed_watch *watch) {
    CHECK(watch->page == NULL && !feed_link_is_in_list(&watch->page_link));
    struct feed_loop *loop = watch->channel->loop;
    if (feed_list_is_empty(&loop->waiting) && has_room(loop)) {
        read_page(watch);
    } else {
        feed_list_append(&loop->waiting, &watch->page_link);
    }
}

void feed_page_begin_waiting(struct feed_loop *loop) {
    struct feed_link *first;
    while ((first = feed_list_first(&loop->waiting)) != NULL && has_room(loop)) {
        struct feed_watch *watch = CONTAINER_OF(first, struct feed_watch, page_link);
        feed_link_remove(first);
        read_page(watch);
    }
}

bool feed_page_is_coming(const struct feed_watch *watch) {
    return watch->page != NULL ? !atomic_load(&watch->page->is_read)
                               : feed_link_is_in_list(&watch->page_link);
}

void feed_page_end(struct feed_watch *watch) {
    feed_link_remove(&watch->page_link); // also of who waits
    if (watch->page != NULL) {
        feed_batch_release(watch->page->batch);
        arena_release(&watch->page->arena);
        free(watch->page);
        watch->page = NULL;
    }
}

void feed_page_drop_stalled(struct feed_loop *loop, int64_t before_us) {
    struct feed_link *first;
    while ((first = feed_list_first(&loop->pages)) != NULL) {
        struct feed_watch *watch = CONTAINER_OF(first, struct feed_watch, page_link);
        if (watch->moved_us > before_us) {
            return;
        }
        feed_link_remove(first);
        CHECK(watch->page != NULL); // else it is not in that list
        if (watch->page->is_taken) {
            feed_page_end(watch);
        } else { // the store is slow, or it comes just now
            watch->moved_us = clock_monotonic_us();
            feed_list_append(&loop->pages, first);
        }
    }
}

void feed_page_moved(struct feed_watch *watch) {
    watch->moved_us = clock_monotonic_us();
    feed_link_remove(&watch->page_link);
    feed_list_append(&watch->channel->loop->pages, &watch->page_link);
}
