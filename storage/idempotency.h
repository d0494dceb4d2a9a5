#ifndef RUNSD_STORAGE_IDEMPOTENCY_H
#define RUNSD_STORAGE_IDEMPOTENCY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/core/slice.h"

// Keys under which a change can be asked for again. Of a change that was made its key is stored in
// its transaction, and for as long as the key counts the same request is answered STORE_OK without
// making the change again: with what it was made to as that is now. Another request under the key
// is answered STORE_KEY_REUSED. What was refused leaves no key, and what does not exist any more
// has none.

enum { IDEMPOTENCY_DIGEST_BYTES = 16 };

// Under which key a change is asked for. All 0: under none.
struct idempotency {
    bool is_given;
    uint8_t name[IDEMPOTENCY_DIGEST_BYTES];        // digest of what a key is found by
    uint8_t fingerprint[IDEMPOTENCY_DIGEST_BYTES]; // digest of the request
    int64_t oldest_us; // the key of a change that was made before it does not count
};

// What is stored under the name of a key that is asked under.
enum idempotency_match {
    IDEMPOTENCY_NEW,   // nothing that counts
    IDEMPOTENCY_SAME,  // the same request
    IDEMPOTENCY_OTHER, // another request
};

// Returns what the key of a change that was made at at_us, with fingerprint, is to asked, which
// has its name.
static inline enum idempotency_match
idempotency_compare(const struct idempotency *asked,
                    const uint8_t fingerprint[IDEMPOTENCY_DIGEST_BYTES], int64_t at_us) {
    if (at_us < asked->oldest_us) {
        return IDEMPOTENCY_NEW;
    }
    return memcmp(asked->fingerprint, fingerprint, IDEMPOTENCY_DIGEST_BYTES) == 0
               ? IDEMPOTENCY_SAME
               : IDEMPOTENCY_OTHER;
}

// About how many bytes the key takes in a store: with the event, in its row and in an index.
static inline size_t idempotency_bytes(const struct idempotency *key, struct slice organization,
                                       struct slice target) {
    return key->is_given ? 8 * IDEMPOTENCY_DIGEST_BYTES + organization.len + target.len : 0;
}

#endif
