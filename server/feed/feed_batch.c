#include "server/feed/feed_batch.h"

#include <stdlib.h>

#include "base/core/memory.h"
#include "server/domain/run_event_codec.h"
#include "server/feed/feed_message.h"

// Where in the data an item's parts end; those of one item follow each other.
struct item_ends {
    size_t message;
    size_t run;
    size_t first_text;
    size_t second_text;
};

// Takes over the bytes of data.
static struct feed_batch *new_batch(size_t count, struct strbuf *data, atomic_size_t *total) {
    strbuf_fit(data);
    struct feed_batch *batch = mem_zalloc(sizeof(*batch) + count * sizeof(batch->items[0]));
    atomic_init(&batch->references, 1);
    batch->items = (struct feed_item *)(batch + 1);
    batch->data = data->data;
    batch->count = (int)count;
    batch->bytes = sizeof(*batch) + count * sizeof(batch->items[0]) + data->capacity;
    batch->total = total;
    atomic_fetch_add(total, batch->bytes);
    return batch;
}

static struct slice part(const struct feed_batch *batch, size_t begin, size_t end) {
    return slice_of(batch->data + begin, end - begin);
}

// --- changes ---

static struct item_ends put_change(struct strbuf *b, struct arena *a, const struct run_store *store,
                                   const struct store_list_changes *list,
                                   const struct store_change *change) {
    struct item_ends ends;
    run_event_put(b, a, FEED_RESPONSE_CHANGE, change->run_id, &change->event);
    feed_message_put_cursor(b, a, store, list->organization, change->event.revision);
    ends.message = b->len;
    if (change->run.id.len > 0) { // else it is not asked for, or was deleted
        feed_message_put_run(b, a, FEED_RESPONSE_RUN, &change->run);
    }
    ends.run = b->len;
    strbuf_append_slice(b, change->workflow_id);
    ends.first_text = b->len;
    strbuf_append_slice(b, change->event.holder);
    ends.second_text = b->len;
    return ends;
}

static bool is_without_gap(const struct store_list_changes *list) {
    for (int i = 0; i < list->ret_count; i++) {
        if (list->ret_changes[i].event.revision != list->after_revision + 1 + i) {
            return false;
        }
    }
    return true;
}

struct feed_batch *feed_batch_new(const struct run_store *store,
                                  const struct store_list_changes *list, atomic_size_t *total) {
    if (!is_without_gap(list)) {
        return NULL;
    }
    size_t count = (size_t)list->ret_count;
    CLEANUP_FREE struct item_ends *ends = mem_alloc(count * sizeof(*ends));
    struct strbuf b = STRBUF_INIT;
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < count; i++) {
        ends[i] = put_change(&b, &a, store, list, &list->ret_changes[i]);
    }
    arena_release(&a);
    struct feed_batch *batch = new_batch(count, &b, total);
    batch->first = list->after_revision + 1;
    batch->has_workflows = list->with_workflow;
    batch->has_runs = list->with_runs;
    size_t begin = 0;
    for (size_t i = 0; i < count; i++) {
        const struct run_event *event = &list->ret_changes[i].event;
        batch->items[i] = (struct feed_item){
            .facts = {.from = event->from,
                      .to = event->to,
                      .workflow = part(batch, ends[i].run, ends[i].first_text),
                      .holder = part(batch, ends[i].first_text, ends[i].second_text),
                      .run = feed_filter_hash(list->ret_changes[i].run_id)},
            .message = part(batch, begin, ends[i].message),
            .with_run = part(batch, begin, ends[i].run),
        };
        begin = ends[i].second_text;
    }
    return batch;
}

// --- runs ---

struct feed_batch *feed_batch_of_runs(const struct store_list_runs *list, atomic_size_t *total) {
    size_t count = (size_t)list->ret_count;
    CLEANUP_FREE struct item_ends *ends = mem_alloc((count + 1) * sizeof(*ends));
    struct strbuf b = STRBUF_INIT;
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < count; i++) {
        feed_message_put_snapshot_run(&b, &a, &list->ret_runs[i]);
        ends[i].message = b.len;
        strbuf_append_slice(&b, list->ret_runs[i].id);
        ends[i].first_text = b.len;
    }
    arena_release(&a);
    struct feed_batch *batch = new_batch(count, &b, total);
    size_t begin = 0;
    for (size_t i = 0; i < count; i++) {
        batch->items[i] = (struct feed_item){
            .place = {.started_at_us = list->ret_runs[i].started_at_us,
                      .id = part(batch, ends[i].message, ends[i].first_text)},
            .message = part(batch, begin, ends[i].message),
        };
        begin = ends[i].first_text;
    }
    return batch;
}

struct feed_batch *feed_batch_take(struct feed_batch *batch) {
    atomic_fetch_add(&batch->references, 1);
    return batch;
}

void feed_batch_release(struct feed_batch *batch) {
    if (batch != NULL && atomic_fetch_sub(&batch->references, 1) == 1) {
        atomic_fetch_sub(batch->total, batch->bytes);
        free(batch->data);
        free(batch);
    }
}
