#ifndef RUNSD_STORAGE_SQLITE_PENDING_KEYS_H
#define RUNSD_STORAGE_SQLITE_PENDING_KEYS_H

#include <stdint.h>

#include "storage/idempotency.h"

// The keys of changes that are committed with their events (the column key_digest) and are not yet
// in table idempotency_event: a key's row may be anywhere in that table, so rows are written later,
// many at once and in the order of their names. A part of struct pending, with whose generations
// keys move: staged, filling, applying.
//
// The writer's thread alone uses it.

struct pending_key {
    uint8_t name[IDEMPOTENCY_DIGEST_BYTES];
    int64_t event; // the key of the event that says all else
};

struct pending_keys_generation {
    struct pending_key *items;
    int count;
    int capacity;
    // Of an item 1 + its index, and above it a part of its name; 0: free; linear probing, at most
    // half full.
    uint64_t *slots;
    uint32_t slot_count;
};

struct pending_keys {
    struct pending_keys_generation staged;
    struct pending_keys_generation filling;
    struct pending_keys_generation applying; // its items in the order of their names
    int taken;   // of applying, by the open transaction and those before
    int applied; // of applying, committed
};

void pending_keys_init(struct pending_keys *p);
void pending_keys_release(struct pending_keys *p);

// Notes in the open transaction the key of an event, instead of one of its name that does not count
// any more.
void pending_keys_stage(struct pending_keys *p, const struct pending_key *key);

// Returns the newest event of the key of name, staged or committed; 0 if it is in no generation.
int64_t pending_keys_find(const struct pending_keys *p,
                          const uint8_t name[IDEMPOTENCY_DIGEST_BYTES]);

// The transaction is committed, or rolled back.
void pending_keys_committed(struct pending_keys *p);
void pending_keys_rolled_back(struct pending_keys *p);

// Freezes what was filled so far; none is frozen.
void pending_keys_freeze(struct pending_keys *p);

// Returns the next key to be written in the open transaction, NULL if all of the frozen generation
// were taken. It is the table's, until the transaction ends.
const struct pending_key *pending_keys_take(struct pending_keys *p);

// All of the frozen generation are written, and the mark that says it is committed.
void pending_keys_retire(struct pending_keys *p);

#endif
