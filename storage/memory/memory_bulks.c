#include "storage/memory/memory_bulks.h"

#include <stdlib.h>

#include "base/core/memory.h"
#include "storage/memory/memory_slice.h"

static struct slice own_bytes(void *context, struct slice value) {
    (void)context;
    return memory_slice_own(value);
}

static struct slice disown_bytes(void *context, struct slice value) {
    (void)context;
    memory_slice_disown(value);
    return SLICE_EMPTY;
}

static void release_bulk(struct memory_bulk *bulk) {
    for (size_t i = 0; i < bulk->item_count; i++) {
        memory_slice_disown(bulk->items[i].id);
    }
    free(bulk->items);
    memory_slice_disown(bulk->collected);
    bulk_record_map(&bulk->record, disown_bytes, NULL);
    free(bulk);
}

void memory_bulks_release(struct memory_bulks *b) {
    for (int i = 0; i < b->count; i++) {
        release_bulk(b->items[i]);
    }
    free(b->items);
}

struct memory_bulk *memory_bulks_find(const struct memory_bulks *b, struct slice organization,
                                      struct slice id) {
    for (int i = 0; i < b->count; i++) {
        const struct bulk_record *r = &b->items[i]->record;
        if (slice_equal(r->organization, organization) && slice_equal(r->id, id)) {
            return b->items[i];
        }
    }
    return NULL;
}

int memory_bulks_unfinished(const struct memory_bulks *b, struct slice organization) {
    int count = 0;
    for (int i = 0; i < b->count; i++) {
        const struct bulk_record *r = &b->items[i]->record;
        count += slice_equal(r->organization, organization) &&
                 (BULK_STATE_BIT(r->state) & BULK_STATE_UNFINISHED) != 0;
    }
    return count;
}

struct memory_bulk *memory_bulks_add(struct memory_bulks *b, const struct bulk_record *record) {
    if (b->count == b->capacity) {
        b->capacity = b->capacity == 0 ? 16 : b->capacity * 2;
        b->items = mem_realloc(b->items, (size_t)b->capacity * sizeof(b->items[0]));
    }
    struct memory_bulk *bulk = mem_zalloc(sizeof(*bulk));
    bulk->number = ++b->newest;
    bulk->record = *record;
    bulk_record_map(&bulk->record, own_bytes, NULL);
    b->items[b->count++] = bulk;
    return bulk;
}

void memory_bulks_remove(struct memory_bulks *b, int place) {
    release_bulk(b->items[place]);
    b->count--;
    memmove(b->items + place, b->items + place + 1,
            (size_t)(b->count - place) * sizeof(b->items[0]));
}

void memory_bulk_set(struct memory_bulk *bulk, const struct bulk_record *after) {
    struct bulk_record before = bulk->record;
    bulk->record = *after;
    bulk_record_map(&bulk->record, own_bytes, NULL);
    bulk_record_map(&before, disown_bytes, NULL);
    bulk->first_due = 0; // another state has other items due
}

size_t memory_bulk_place(const struct memory_bulk *bulk, struct slice id, bool *ret_found) {
    size_t low = 0;
    size_t high = bulk->item_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = slice_compare(bulk->items[middle].id, id);
        if (c == 0) {
            *ret_found = true;
            return middle;
        }
        if (c < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_found = false;
    return low;
}

void memory_bulk_add_item(struct memory_bulk *bulk, struct slice id, enum bulk_outcome outcome,
                          int64_t newest_key) {
    bool found;
    size_t place = memory_bulk_place(bulk, id, &found);
    if (found) {
        return;
    }
    if (bulk->item_count == bulk->item_capacity) {
        bulk->item_capacity = bulk->item_capacity == 0 ? 16 : bulk->item_capacity * 2;
        bulk->items = mem_realloc(bulk->items, bulk->item_capacity * sizeof(bulk->items[0]));
    }
    memmove(bulk->items + place + 1, bulk->items + place,
            (bulk->item_count - place) * sizeof(bulk->items[0]));
    bulk->item_count++;
    bulk->items[place] = (struct memory_bulk_item){
        .id = memory_slice_own(id),
        .outcome = outcome,
        .due = bulk_record_first_due(&bulk->record, outcome),
        .newest_key = newest_key,
    };
    bulk->first_due = place < bulk->first_due ? place : bulk->first_due;
    bulk->record.total++;
    bulk_record_count(&bulk->record, outcome);
}

struct memory_bulk_item *memory_bulk_next_due(struct memory_bulk *bulk, enum bulk_due due) {
    while (bulk->first_due < bulk->item_count && bulk->items[bulk->first_due].due != due) {
        bulk->first_due++;
    }
    return bulk->first_due < bulk->item_count ? &bulk->items[bulk->first_due] : NULL;
}

void memory_bulk_note(struct memory_bulk *bulk, struct memory_bulk_item *item,
                      enum bulk_outcome outcome) {
    if (item->outcome != outcome) {
        item->outcome = outcome;
        bulk_record_count(&bulk->record, outcome);
    }
    item->due = bulk_due_after(item->due);
}

void memory_bulk_settle(struct memory_bulk *bulk, int64_t at_us) {
    if (memory_bulk_next_due(bulk, BULK_DUE_PLAN) != NULL) {
        return;
    }
    bulk->first_due = 0;
    bool has_due = memory_bulk_next_due(bulk, BULK_DUE_RUN) != NULL;
    bulk_record_become(&bulk->record, bulk_record_planned(&bulk->record, has_due), at_us);
}

struct bulk_record memory_bulk_copy(struct arena *a, const struct memory_bulk *bulk) {
    struct bulk_record r = bulk->record;
    bulk_record_map(&r, arena_map_copy, a);
    return r;
}
