#include "storage/memory/memory_keys.h"

#include <stdlib.h>

#include "base/core/memory.h"
#include "storage/memory/memory_slice.h"

static void release_one(struct memory_key *key) {
    memory_slice_disown(key->organization);
    memory_slice_disown(key->id);
}

void memory_keys_release(struct memory_keys *keys) {
    for (size_t i = 0; i < keys->count; i++) {
        release_one(&keys->items[i]);
    }
    free(keys->items);
}

// Returns the place of the key of name, or where it would have to stand.
static size_t place_of(const struct memory_keys *keys, const uint8_t *name, bool *ret_found) {
    size_t low = 0;
    size_t high = keys->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = memcmp(keys->items[middle].name, name, IDEMPOTENCY_DIGEST_BYTES);
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

enum idempotency_match memory_keys_find(const struct memory_keys *keys,
                                        const struct idempotency *asked, struct slice *ret_id) {
    bool found = false;
    size_t place = asked->is_given ? place_of(keys, asked->name, &found) : 0;
    if (!found) {
        return IDEMPOTENCY_NEW;
    }
    const struct memory_key *key = &keys->items[place];
    enum idempotency_match match = idempotency_compare(asked, key->fingerprint, key->at_us);
    if (match != IDEMPOTENCY_NEW) {
        *ret_id = key->id;
    }
    return match;
}

void memory_keys_note(struct memory_keys *keys, const struct idempotency *key,
                      enum memory_key_target of, struct slice organization, struct slice id,
                      int64_t at_us) {
    if (!key->is_given) {
        return;
    }
    bool found;
    size_t place = place_of(keys, key->name, &found);
    if (found) { // one that does not count any more
        release_one(&keys->items[place]);
    } else {
        if (keys->count == keys->capacity) {
            keys->capacity = keys->capacity == 0 ? 16 : keys->capacity * 2;
            keys->items = mem_realloc(keys->items, keys->capacity * sizeof(keys->items[0]));
        }
        memmove(keys->items + place + 1, keys->items + place,
                (keys->count - place) * sizeof(keys->items[0]));
        keys->count++;
    }
    struct memory_key *noted = &keys->items[place];
    *noted = (struct memory_key){
        .at_us = at_us,
        .of = of,
        .organization = memory_slice_own(organization),
        .id = memory_slice_own(id),
    };
    memcpy(noted->name, key->name, IDEMPOTENCY_DIGEST_BYTES);
    memcpy(noted->fingerprint, key->fingerprint, IDEMPOTENCY_DIGEST_BYTES);
}

static void remove_at(struct memory_keys *keys, size_t place) {
    release_one(&keys->items[place]);
    keys->count--;
    memmove(keys->items + place, keys->items + place + 1,
            (keys->count - place) * sizeof(keys->items[0]));
}

void memory_keys_forget(struct memory_keys *keys, enum memory_key_target of,
                        struct slice organization, struct slice id) {
    for (size_t i = keys->count; i > 0; i--) {
        const struct memory_key *key = &keys->items[i - 1];
        if (key->of == of && slice_equal(key->organization, organization) &&
            slice_equal(key->id, id)) {
            remove_at(keys, i - 1);
        }
    }
}

int memory_keys_trim(struct memory_keys *keys, int64_t before_us, int limit) {
    int removed = 0;
    while (removed < limit) {
        size_t oldest = 0;
        for (size_t i = 1; i < keys->count; i++) {
            oldest = keys->items[i].at_us < keys->items[oldest].at_us ? i : oldest;
        }
        if (keys->count == 0 || keys->items[oldest].at_us >= before_us) {
            break;
        }
        remove_at(keys, oldest);
        removed++;
    }
    return removed;
}
