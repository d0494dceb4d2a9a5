#ifndef RUNSD_STORAGE_MEMORY_MEMORY_BULKS_H
#define RUNSD_STORAGE_MEMORY_MEMORY_BULKS_H

#include "base/core/arena.h"
#include "storage/bulk_record.h"

// The jobs that cancel many runs, as the memory back-end holds them.

struct memory_bulk_item {
    struct slice id; // of the run; owned
    enum bulk_outcome outcome;
    enum bulk_due due;
    int64_t newest_key; // a run of a later key is not the one that it is about
};

struct memory_bulk {
    struct bulk_record record;      // owns its slices
    struct memory_bulk_item *items; // by their ids
    size_t item_count;
    size_t item_capacity;
    size_t first_due;       // no item before it is due
    struct slice collected; // the run that was looked at last, owned; empty: none yet
    bool is_collected;      // all were
    int64_t number;         // 1, 2, 3 and so on in the order of the creations
    int64_t newest_key;     // of all events when it was created
};

struct memory_bulks {
    struct memory_bulk **items; // in the order of their creation
    int count;
    int capacity;
    int64_t newest; // the number that was given last
};

void memory_bulks_release(struct memory_bulks *b);

// Returns NULL if there is none.
struct memory_bulk *memory_bulks_find(const struct memory_bulks *b, struct slice organization,
                                      struct slice id);

// Returns how many jobs the organization has that may still go on.
int memory_bulks_unfinished(const struct memory_bulks *b, struct slice organization);

// Adds a copy of record, without items; (organization, id) is free.
struct memory_bulk *memory_bulks_add(struct memory_bulks *b, const struct bulk_record *record);

// Removes the job at place in b->items.
void memory_bulks_remove(struct memory_bulks *b, int place);

// Makes the job's record that of after, whose slices are copied.
void memory_bulk_set(struct memory_bulk *bulk, const struct bulk_record *after);

// Adds an item, with a copy of id, and counts it, unless the run is one already; newest_key is that
// of all events where a cascade found the run, else the job's.
void memory_bulk_add_item(struct memory_bulk *bulk, struct slice id, enum bulk_outcome outcome,
                          int64_t newest_key);

// Returns the place of the item of id, or where it would have to stand.
size_t memory_bulk_place(const struct memory_bulk *bulk, struct slice id, bool *ret_found);

// Returns the first item that is due so; NULL: none is. Valid until an item is added.
struct memory_bulk_item *memory_bulk_next_due(struct memory_bulk *bulk, enum bulk_due due);

// The item was dealt with, and came to outcome.
void memory_bulk_note(struct memory_bulk *bulk, struct memory_bulk_item *item,
                      enum bulk_outcome outcome);

// All runs that the job, which is BULK_PLANNING, is about were looked at: it goes on, unless items
// are still due in this state.
void memory_bulk_settle(struct memory_bulk *bulk, int64_t at_us);

// Returns the job's record with all it points at copied into a.
struct bulk_record memory_bulk_copy(struct arena *a, const struct memory_bulk *bulk);

#endif
