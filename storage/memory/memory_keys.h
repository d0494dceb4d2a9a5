#ifndef RUNSD_STORAGE_MEMORY_MEMORY_KEYS_H
#define RUNSD_STORAGE_MEMORY_MEMORY_KEYS_H

#include <stddef.h>

#include "storage/idempotency.h"

// The keys under which changes were made (storage/idempotency.h). The caller sees to it that one
// thread uses them at a time.

// What a key leads to: what was changed.
enum memory_key_target { MEMORY_KEY_OF_RUN, MEMORY_KEY_OF_BULK };

struct memory_key {
    uint8_t name[IDEMPOTENCY_DIGEST_BYTES];
    uint8_t fingerprint[IDEMPOTENCY_DIGEST_BYTES];
    int64_t at_us;
    enum memory_key_target of;
    struct slice organization; // owned
    struct slice id;           // owned
};

struct memory_keys {
    struct memory_key *items; // by name
    size_t count;
    size_t capacity;
};

void memory_keys_release(struct memory_keys *keys);

// Looks for the key that is asked under; asked may be of none. *ret_id is that of what the change
// made, where it is not IDEMPOTENCY_NEW; it is the keys'.
enum idempotency_match memory_keys_find(const struct memory_keys *keys,
                                        const struct idempotency *asked, struct slice *ret_id);

// Notes that the change that was asked for under key, if under any, was made at at_us to id.
void memory_keys_note(struct memory_keys *keys, const struct idempotency *key,
                      enum memory_key_target of, struct slice organization, struct slice id,
                      int64_t at_us);

// What the keys of it lead to is gone, and they with it.
void memory_keys_forget(struct memory_keys *keys, enum memory_key_target of,
                        struct slice organization, struct slice id);

// Forgets up to limit keys of changes before before_us, the oldest first. Returns how many.
int memory_keys_trim(struct memory_keys *keys, int64_t before_us, int limit);

#endif
