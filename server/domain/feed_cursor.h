#ifndef RUNSD_SERVER_DOMAIN_FEED_CURSOR_H
#define RUNSD_SERVER_DOMAIN_FEED_CURSOR_H

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "server/domain/signed_text.h"

// The cursor of WatchRuns: a place in an organization's feed. A signed text
// (server/domain/signed_text.h) of a version, the store's epoch and a revision, both big-endian,
// whose context is the organization. Always FEED_CURSOR_LENGTH characters. Pure.

enum { FEED_CURSOR_LENGTH = 44 };

struct feed_position {
    uint64_t epoch;   // of the store that the revision is of
    int64_t revision; // everything up to it was seen
};

// What a text says.
enum feed_cursor_standing {
    FEED_CURSOR_FORGED,      // not made by this server's store, or for another organization
    FEED_CURSOR_OTHER_EPOCH, // of this store, before its history was replaced (a backup)
    FEED_CURSOR_GOOD,
};

// Returns the cursor's text, in a.
const char *feed_cursor_make(struct arena *a, const uint8_t secret[SIGNED_TEXT_SECRET_BYTES],
                             struct slice organization, struct feed_position position);

// Reads a text. epoch is the store's. *ret_revision is set where it is FEED_CURSOR_GOOD, and is at
// least 0. Whether the store still has what follows it, only the store knows.
enum feed_cursor_standing feed_cursor_open(struct arena *a,
                                           const uint8_t secret[SIGNED_TEXT_SECRET_BYTES],
                                           struct slice organization, uint64_t epoch,
                                           const char *text, int64_t *ret_revision);

#endif
